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
        name::GrantId,
        wire::redirect_uri::RedirectUri,
    },
};
use url::Url;

use crate::{
    app::App,
    link::DeadLink,
    page::{ConnectPage, Notice, Page, Parties, headers, sign_in_host},
    problem::{Problem, Reason},
};

pub(super) async fn ask(State(app): State<Arc<App>>, Path(link): Path<String>) -> Response {
    match follow(&app, &link).await {
        Ok((grant, client)) => {
            let parties = Parties::of(&client);
            let why = grant.state.diagnosis().map(|diagnosis| parties.why(diagnosis));
            let page = ConnectPage { parties, host: sign_in_host(&client).map(str::to_owned), why };
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
    let id = match app.link_key.read(link, now.wall) {
        Ok(id) => id,
        Err(DeadLink::Expired(id)) => return Err(expired(app, id).await),
        Err(DeadLink::Unknown) => return Err(page(StatusCode::GONE, Notice::link_unknown())),
    };
    let (grant, client) = find(app, id).await?;
    match &grant.state {
        GrantState::Revoked => Err(page(StatusCode::GONE, Notice::ended(Parties::of(&client)))),
        GrantState::NeedsReauthorization { .. } | GrantState::NotRefreshable => Ok(()),
        _ => Err(page(StatusCode::OK, Notice::nothing_to_do(Parties::of(&client)))),
    }?;
    app.repairs.allowance(id, now.moment).map_err(|wait| {
        let minutes = wait.as_secs().div_ceil(60);
        page(StatusCode::TOO_MANY_REQUESTS, Notice::too_often(Parties::of(&client), minutes))
    })?;
    Ok((grant, client))
}

async fn find(app: &App, id: GrantId) -> Result<(GrantRecord, ClientRecord), Box<Page<Notice>>> {
    let gone = || page(StatusCode::GONE, Notice::ended(Parties::unknown()));
    let found = app.keeper.grant(id).await.map_err(|error| troubled(&error.into()))?;
    let grant = found.ok_or_else(gone)?;
    let client = app.keeper.client(&grant.namespace, &grant.client).await;
    let client = client.map_err(|error| troubled(&error.into()))?;
    Ok((grant, client.ok_or_else(gone)?))
}

/// The signature of the link was right, so the page may say whose it was.
async fn expired(app: &App, id: GrantId) -> Box<Page<Notice>> {
    match find(app, id).await {
        Ok((_, client)) => page(StatusCode::GONE, Notice::link_expired(Parties::of(&client))),
        Err(page) => page,
    }
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
