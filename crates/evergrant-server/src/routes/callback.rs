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
        authorization::{AuthorizationRecord, AuthorizationStatus},
        engine::CallbackEnd,
        name::AuthorizationId,
    },
};
use url::Url;

use super::spent::{self, no_connection, way_back};
use crate::{
    app::App,
    page::{self, Notice, Page, Parties},
};

/// How long a browser that came twice waits for the outcome of its first coming: a double click at the provider.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn callback(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let query = query.as_deref().unwrap_or_default();
    match app.keeper.complete(query).await {
        Ok(CallbackEnd::LinkUsed) => match settled(&app, query).await {
            Some(record) => spent::told(&app, &record).await.into_response(),
            None => notice(StatusCode::GONE, Notice::link_unknown()),
        },
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
                None => notice(StatusCode::OK, Notice::connected(spent::parties(app, &authorization).await)),
            }
        }
        CallbackEnd::WrongAccount(record) => spent::wrong_account(app, &record).await.into_response(),
        CallbackEnd::Denied { authorization, reason, .. } => {
            let (record, parties) = find(app, authorization).await;
            let notice = Notice::denied(parties, &reason);
            no_connection(app, StatusCode::FORBIDDEN, notice, record.as_ref(), "denied").await.into_response()
        }
        CallbackEnd::Failed { authorization, reason, diagnosis } => {
            let (record, parties) = find(app, authorization).await;
            let why = diagnosis.map(|diagnosis| parties.why(&diagnosis));
            let notice = Notice::failed(parties, why, &reason);
            no_connection(app, StatusCode::BAD_GATEWAY, notice, record.as_ref(), "failed")
                .await
                .into_response()
        }
        CallbackEnd::LinkUsed => notice(StatusCode::GONE, Notice::link_unknown()),
        CallbackEnd::StoreUnavailable(detail) => {
            tracing::error!(target: "evergrant", detail, "a callback met a store that is not available");
            notice(StatusCode::SERVICE_UNAVAILABLE, Notice::out_of_order())
        }
    }
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

fn notice(status: StatusCode, notice: Notice) -> Response {
    Page::new(status, notice).into_response()
}

fn send_back(address: &Url) -> Response {
    (page::headers(), Redirect::to(address.as_str())).into_response()
}

async fn find(app: &App, id: AuthorizationId) -> (Option<AuthorizationRecord>, Parties) {
    match app.keeper.authorization(id).await.ok().flatten() {
        Some(record) => {
            let parties = spent::parties(app, &record).await;
            (Some(record), parties)
        }
        None => (None, Parties::unknown()),
    }
}
