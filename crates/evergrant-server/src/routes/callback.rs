//! `GET /callback`: the provider sends the user's browser back.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use evergrant::{
    CompleteError,
    proto::{
        authorization::{AuthorizationRecord, AuthorizationStatus, SUPERSEDED},
        diagnosis::Diagnosis,
        engine::CallbackEnd,
        grant::GrantState,
        name::AuthorizationId,
    },
};
use url::Url;

use crate::{
    app::App,
    extract::return_url,
    page::{self, Notice, Page, Parties},
};

/// How long a browser that came twice waits for the outcome of its first coming: a double click at the provider.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longer than any exchange: one that is older ended with its process.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(60);

pub(super) async fn callback(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let query = query.as_deref().unwrap_or_default();
    match app.keeper.complete(query).await {
        Ok(CallbackEnd::LinkUsed) => used(&app, query).await,
        Ok(end) => ended(&app, end).await,
        Err(CompleteError::Callback(_)) => notice(StatusCode::BAD_REQUEST, Notice::not_an_answer()),
        Err(CompleteError::NotRunning) => notice(StatusCode::SERVICE_UNAVAILABLE, Notice::out_of_order()),
    }
}

async fn ended(app: &App, end: CallbackEnd) -> Response {
    match end {
        CallbackEnd::Connected { grant, authorization } => {
            match way_back(&authorization, &[("grant", &grant.id.to_string())]) {
                Some(address) => send_back(&address),
                None => notice(StatusCode::OK, Notice::connected(parties(app, &authorization).await)),
            }
        }
        CallbackEnd::WrongAccount(record) => wrong_account(app, &record).await,
        CallbackEnd::Denied { authorization, reason, .. } => {
            let record = find(app, authorization).await;
            let parties = parties_of(app, record.as_ref()).await;
            let notice = Notice::denied(parties, &reason);
            no_connection(app, StatusCode::FORBIDDEN, notice, record.as_ref(), "denied").await
        }
        CallbackEnd::Failed { authorization, reason, diagnosis } => {
            let record = find(app, authorization).await;
            let parties = parties_of(app, record.as_ref()).await;
            let why = diagnosis.as_deref().map(|diagnosis: &Diagnosis| parties.why(diagnosis));
            let notice = Notice::failed(parties, why, &reason);
            no_connection(app, StatusCode::BAD_GATEWAY, notice, record.as_ref(), "failed").await
        }
        CallbackEnd::LinkUsed => notice(StatusCode::GONE, Notice::link_unknown()),
        CallbackEnd::StoreUnavailable(detail) => {
            tracing::error!(target: "evergrant", detail, "a callback met a store that is not available");
            notice(StatusCode::SERVICE_UNAVAILABLE, Notice::out_of_order())
        }
    }
}

/// A link works once. Whoever comes again, by a reload, a double click or the way back through the history, is told what
/// came of it; nothing is sent, and the grant is not named once more.
async fn used(app: &App, query: &str) -> Response {
    let Some(record) = settled(app, query).await else {
        return notice(StatusCode::GONE, Notice::link_unknown());
    };
    let parties = parties(app, &record).await;
    let under_way_until = app.keeper.clock().now().wall.minus(LONGEST_EXCHANGE);
    let spent = match &record.status {
        AuthorizationStatus::Connected => {
            let answer = Notice::already_connected(parties).back_to(way_back(&record, &[]));
            return notice(StatusCode::GONE, answer);
        }
        AuthorizationStatus::WrongAccount => return wrong_account(app, &record).await,
        AuthorizationStatus::Exchanging(exchange) if exchange.journalled_at > under_way_until => {
            return notice(StatusCode::CONFLICT, Notice::under_way(parties));
        }
        AuthorizationStatus::Open => Notice::link_expired(parties),
        AuthorizationStatus::Failed { reason, .. } if reason == SUPERSEDED => Notice::link_replaced(parties),
        AuthorizationStatus::Exchanging(_) | AuthorizationStatus::Failed { .. } => {
            Notice::link_spent(parties)
        }
    };
    no_connection(app, StatusCode::GONE, spent, Some(&record), "link_used").await
}

/// The authorization that is answered a second time, after its exchange if that is under way in this process.
async fn settled(app: &App, query: &str) -> Option<AuthorizationRecord> {
    let mut news = app.keeper.news();
    let mut latest = None;
    let outcome = async {
        loop {
            news.borrow_and_update();
            latest = app.keeper.authorization_of_callback(query).await.ok().flatten();
            let is_under_way = latest
                .as_ref()
                .is_some_and(|record| matches!(record.status, AuthorizationStatus::Exchanging(_)));
            if !is_under_way || news.changed().await.is_err() {
                return;
            }
        }
    };
    // What is known then is told.
    let _ = tokio::time::timeout(PATIENCE, outcome).await;
    latest
}

async fn wrong_account(app: &App, record: &AuthorizationRecord) -> Response {
    let notice = Notice::wrong_account(parties(app, record).await);
    no_connection(app, StatusCode::CONFLICT, notice, Some(record), "wrong_account").await
}

/// A page with the two ways to go on: once more, and back to the app.
async fn no_connection(
    app: &App,
    status: StatusCode,
    told: Notice,
    record: Option<&AuthorizationRecord>,
    error: &str,
) -> Response {
    let again = match record {
        Some(record) => again(app, record).await,
        None => None,
    };
    let back = record.and_then(|record| way_back(record, &[("error", error)]));
    notice(status, told.again_at(again).back_to(back))
}

/// A new link to the grant that this authorization was to repair, while it needs that.
async fn again(app: &App, record: &AuthorizationRecord) -> Option<String> {
    let grant = app.keeper.grant(record.grant?).await.ok().flatten()?;
    let is_dead = matches!(grant.state, GrantState::NeedsReauthorization { .. } | GrantState::NotRefreshable);
    let now = app.keeper.clock().now();
    let may_begin = is_dead && app.repairs.allowance(grant.id, now.moment).is_ok();
    may_begin.then(|| app.config.address(&format!("connect/{}", app.link_key.sign(grant.id, now.wall))))
}

fn notice(status: StatusCode, notice: Notice) -> Response {
    Page::new(status, notice).into_response()
}

fn send_back(address: &Url) -> Response {
    (page::headers(), Redirect::to(address.as_str())).into_response()
}

/// The return URL, told what came of the authorization.
fn way_back(record: &AuthorizationRecord, outcome: &[(&str, &str)]) -> Option<Url> {
    let mut address = return_url(record.return_url.as_deref()?)?;
    address.query_pairs_mut().append_pair("authorization", &record.id.to_string()).extend_pairs(outcome);
    Some(address)
}

async fn find(app: &App, id: AuthorizationId) -> Option<AuthorizationRecord> {
    // A page that says less is better than none.
    app.keeper.authorization(id).await.ok().flatten()
}

async fn parties(app: &App, record: &AuthorizationRecord) -> Parties {
    let found = app.keeper.client(&record.namespace, &record.client).await.ok().flatten();
    found.as_ref().map_or_else(Parties::unknown, Parties::of)
}

async fn parties_of(app: &App, record: Option<&AuthorizationRecord>) -> Parties {
    match record {
        Some(record) => parties(app, record).await,
        None => Parties::unknown(),
    }
}
