//! `/connect/{link}`: re-authorization of a dead grant by its user.
//!
//! `GET` only asks: programs that look into messages for previews follow every link. `POST`, the button, opens an
//! authorization and leads to the provider.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use evergrant::{
    AuthorizationOptions,
    proto::{
        client::ClientRecord,
        grant::{GrantRecord, GrantState},
        wire::redirect_uri::RedirectUri,
    },
};
use url::Url;

use crate::{
    app::App,
    page::{ConnectPage, Notice, Page, headers, provider_name, sign_in_host, why},
    problem::{Problem, Reason},
};

pub(super) async fn ask(State(app): State<Arc<App>>, Path(link): Path<String>) -> Response {
    match follow(&app, &link).await {
        Ok((grant, client)) => {
            let page = ConnectPage {
                client: client.name.to_string(),
                provider: provider_name(&client),
                host: sign_in_host(&client).map(str::to_owned),
                why: grant.state.diagnosis().map(why),
            };
            Page::new(StatusCode::OK, page).into_response()
        }
        Err(page) => page.into_response(),
    }
}

pub(super) async fn open(State(app): State<Arc<App>>, Path(link): Path<String>) -> Response {
    match lead(&app, &link).await {
        Ok(url) => (headers(), Redirect::to(url.as_str())).into_response(),
        Err(page) => page.into_response(),
    }
}

async fn lead(app: &App, link: &str) -> Result<Url, Box<Page<Notice>>> {
    let (grant, _) = follow(app, link).await?;
    let options = AuthorizationOptions {
        namespace: grant.namespace,
        redirect_uri: RedirectUri::new(app.config.callback()).ok(),
        ..AuthorizationOptions::repair(grant.client, grant.id)
    };
    let opened = app.keeper.authorize(options).await.map_err(|error| troubled(&error.into()))?;
    app.repairs.note(grant.id, app.keeper.clock().moment());
    Ok(opened.url)
}

/// The grant that a link repairs, if it needs that.
async fn follow(app: &App, link: &str) -> Result<(GrantRecord, ClientRecord), Box<Page<Notice>>> {
    let now = app.keeper.clock().now();
    let ended = |_| page(StatusCode::GONE, Notice::link_used());
    let id = app.link_key.read(link, now.wall).map_err(ended)?;
    let found = app.keeper.grant(id).await.map_err(|error| troubled(&error.into()))?;
    let grant = found.ok_or_else(|| page(StatusCode::GONE, Notice::ended()))?;
    let client = app.keeper.client(&grant.namespace, &grant.client).await;
    let client = client.map_err(|error| troubled(&error.into()))?;
    let client = client.ok_or_else(|| page(StatusCode::GONE, Notice::ended()))?;
    match &grant.state {
        GrantState::Revoked => Err(page(StatusCode::GONE, Notice::ended())),
        GrantState::NeedsReauthorization { .. } | GrantState::NotRefreshable => Ok(()),
        _ => Err(page(StatusCode::OK, Notice::nothing_to_do(&provider_name(&client)))),
    }?;
    app.repairs.allowance(id, now.moment).map_err(|wait| {
        page(StatusCode::TOO_MANY_REQUESTS, Notice::too_often(wait.as_secs().div_ceil(60)))
    })?;
    Ok((grant, client))
}

fn troubled(problem: &Problem) -> Box<Page<Notice>> {
    Box::new(if problem.reason() == Reason::StoreUnavailable {
        Page::new(StatusCode::SERVICE_UNAVAILABLE, Notice::out_of_order())
    } else {
        Page::new(problem.reason().status(), Notice::misconfigured(problem.detail()))
    })
}

fn page(status: StatusCode, notice: Notice) -> Box<Page<Notice>> {
    Box::new(Page::new(status, notice))
}
