//! `POST /v1/grants`: takes over a refresh token that was issued to another program.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use evergrant::{
    NewGrant,
    proto::{
        grant::{GrantRecord, Owner},
        name::{ClientName, GrantId},
        remedy_rates::Rates,
        secret::{AccessToken, RefreshToken},
    },
};
use serde::Deserialize;

use super::external_id;
use crate::{
    app::App,
    extract::{Caller, Idempotent, Labels, Scopes, Secret},
    idempotency::{Made, answered, respond},
    problem::{Problem, Reason},
    view::GrantView,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportGrant {
    client: ClientName,
    refresh_token: Secret,
    access_token: Option<Secret>,
    /// Seconds that the access token still lives.
    expires_in: Option<u64>,
    #[serde(default)]
    scopes: Scopes,
    external_id: Option<String>,
    subject: Option<String>,
    tenant: Option<String>,
    #[serde(default)]
    labels: Labels,
    /// Give the refresh token to this grant instead of making a new one.
    grant: Option<GrantId>,
}

pub(crate) async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    Idempotent { body, request }: Idempotent<ImportGrant>,
) -> Result<Response, Problem> {
    if let Some(answer) = answered(&app, request.as_ref()).await? {
        return Ok(answer);
    }
    if let Some(grant) = body.grant {
        app.grant(&caller.namespace, grant).await?;
    }
    let (status, new) = (
        if body.grant.is_some() { StatusCode::OK } else { StatusCode::CREATED },
        new_grant(&app, caller, body)?,
    );
    match request {
        None => Ok(made(status, &app.keeper.import(new).await?).into_response()),
        Some(key) => {
            let imported = move |grant: &GrantRecord| made(status, grant).to_bytes();
            respond(app.keeper.import_once(new, key, imported).await?)
        }
    }
}

fn made(status: StatusCode, grant: &GrantRecord) -> Made {
    // What was imported just now has no diagnosis.
    let view = GrantView::new(grant, &Rates::default());
    Made::new(status, format!("/v1/grants/{}", grant.id), &view)
}

fn new_grant(app: &App, caller: Caller, body: ImportGrant) -> Result<NewGrant, Problem> {
    let now = app.keeper.clock().now().wall;
    let end = body.expires_in.map(|seconds| now.plus(Duration::from_secs(seconds)));
    let refresh_token =
        RefreshToken::new(body.refresh_token.expose()).map_err(|error| unusable("refresh_token", error))?;
    let access_token = match &body.access_token {
        Some(token) => {
            let token = AccessToken::new(token.expose()).map_err(|error| unusable("access_token", error))?;
            Some((token, end))
        }
        None => None,
    };
    Ok(NewGrant {
        namespace: caller.namespace,
        client: body.client,
        refresh_token,
        access_token,
        scopes: body.scopes.0,
        owner: Owner {
            subject: body.subject,
            tenant: body.tenant,
            external_id: external_id(body.external_id)?,
            labels: body.labels.0,
        },
        into: body.grant,
    })
}

fn unusable(field: &str, error: impl std::fmt::Display) -> Problem {
    Problem::new(Reason::InvalidBody, format!("The field {field} is not usable: {error}."))
}
