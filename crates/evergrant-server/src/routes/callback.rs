//! `GET /callback`: the provider sends the user's browser back.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use evergrant::{
    CompleteError,
    proto::{
        authorization::AuthorizationRecord,
        diagnosis::Diagnosis,
        engine::CallbackEnd,
        name::{AuthorizationId, ClientName, Namespace},
    },
};
use url::Url;

use crate::{
    app::App,
    extract::return_url,
    page::{self, Notice, Page},
};

pub(super) async fn callback(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    match app.keeper.complete(query.as_deref().unwrap_or_default()).await {
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
                None => connected(app, &grant.namespace, &grant.client).await,
            }
        }
        CallbackEnd::WrongAccount(record) => {
            let provider = provider_name(app, &record.namespace, &record.client).await;
            let back = way_back(&record, &[("error", "wrong_account")]);
            notice(StatusCode::CONFLICT, Notice::wrong_account(&provider).back_to(back))
        }
        CallbackEnd::LinkUsed => notice(StatusCode::GONE, Notice::link_used()),
        CallbackEnd::Denied { authorization, reason, .. } => {
            let back = way_back_of(app, authorization, "denied").await;
            notice(StatusCode::FORBIDDEN, Notice::denied(&reason).back_to(back))
        }
        CallbackEnd::Failed { authorization, reason, diagnosis } => {
            let back = way_back_of(app, authorization, "failed").await;
            notice(
                StatusCode::BAD_GATEWAY,
                Notice::failed(&meaning(diagnosis.as_deref(), &reason)).back_to(back),
            )
        }
        CallbackEnd::StoreUnavailable(detail) => {
            tracing::error!(target: "evergrant", detail, "a callback met a store that is not available");
            notice(StatusCode::SERVICE_UNAVAILABLE, Notice::out_of_order())
        }
    }
}

async fn connected(app: &App, namespace: &Namespace, client: &ClientName) -> Response {
    let provider = provider_name(app, namespace, client).await;
    notice(StatusCode::OK, Notice::connected(client.as_str(), &provider))
}

fn meaning(diagnosis: Option<&Diagnosis>, reason: &str) -> String {
    diagnosis.map_or_else(|| reason.to_owned(), |diagnosis| format!("{} ({reason})", page::why(diagnosis)))
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

async fn way_back_of(app: &App, id: AuthorizationId, error: &str) -> Option<Url> {
    // A page without a way back is better than none.
    let record = app.keeper.authorization(id).await.ok().flatten()?;
    way_back(&record, &[("error", error)])
}

async fn provider_name(app: &App, namespace: &Namespace, client: &ClientName) -> String {
    let found = app.keeper.client(namespace, client).await.ok().flatten();
    found.as_ref().map_or_else(|| "the provider".to_owned(), page::provider_name)
}
