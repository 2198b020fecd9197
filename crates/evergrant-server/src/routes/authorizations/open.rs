//! `POST /v1/authorizations`: opens an authorization and gives its link.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use evergrant::{
    Authorization, AuthorizationOptions,
    proto::{
        grant::Owner,
        name::{AuthorizationId, ClientName, GrantId},
        wire::redirect_uri::RedirectUri,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    extract::{Caller, Idempotent, Labels, Scopes},
    idempotency::{Made, answered, respond},
    problem::Problem,
    routes::grants::external_id,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenAuthorization {
    client: ClientName,
    /// The grant to repair.
    grant: Option<GrantId>,
    /// Make a new grant even if this account has one.
    #[serde(default)]
    new: bool,
    external_id: Option<String>,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    scopes: Scopes,
    #[serde(default)]
    resources: Vec<String>,
    /// One of the client's; none given: this server's own.
    redirect_uri: Option<RedirectUri>,
    return_url: Option<String>,
    login_hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct Opened<'a> {
    id: AuthorizationId,
    /// Whoever has it can finish the flow: give it to the user and to nobody else.
    url: &'a str,
    /// Our own page, which says who asks whom and leads there: for a message, where a bare link of the provider tells
    /// nobody what it is for.
    connect_url: String,
    expires_at: String,
}

pub(crate) async fn open(
    State(app): State<Arc<App>>,
    caller: Caller,
    Idempotent { body, request }: Idempotent<OpenAuthorization>,
) -> Result<Response, Problem> {
    if let Some(answer) = answered(&app, request.as_ref()).await? {
        return Ok(answer);
    }
    if let Some(grant) = body.grant {
        app.grant(&caller.namespace, grant).await?;
    }
    let redirect_uri = match body.redirect_uri {
        Some(uri) => Some(uri),
        None => RedirectUri::new(app.config.callback()).ok(),
    };
    let owner =
        Owner { external_id: external_id(body.external_id)?, labels: body.labels.0, ..Owner::default() };
    let options = AuthorizationOptions {
        namespace: caller.namespace,
        grant: body.grant,
        always_new: body.new,
        owner,
        scopes: body.scopes.0,
        resources: body.resources,
        redirect_uri,
        return_url: body.return_url,
        login_hint: body.login_hint,
        ..AuthorizationOptions::new(body.client)
    };
    match request {
        None => Ok(made(&app, &app.keeper.authorize(options).await?).into_response()),
        Some(key) => {
            let server = Arc::clone(&app);
            let opened = move |opened: &Authorization| made(&server, opened).to_bytes();
            respond(app.keeper.authorize_once(options, key, opened).await?)
        }
    }
}

fn made(app: &App, opened: &Authorization) -> Made {
    let link = app.link_key.sign_authorization(opened.id, opened.expires_at);
    let body = Opened {
        id: opened.id,
        url: opened.url.as_str(),
        connect_url: app.config.address(&format!("connect/{link}")),
        expires_at: opened.expires_at.to_string(),
    };
    Made::new(StatusCode::CREATED, format!("/v1/authorizations/{}", opened.id), &body)
}
