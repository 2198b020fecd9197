//! Links that are over: what came of them, and the ways to go on.
//!
//! A link works once. Whoever comes again, by a reload, a double click or the way back through the history, is told what
//! came of it; nothing is sent, and the grant is not named once more.

use std::time::Duration;

use axum::http::StatusCode;
use evergrant::{
    ReturnUrl,
    proto::{
        authorization::{AuthorizationRecord, AuthorizationStatus, SUPERSEDED},
        grant::GrantState,
    },
};
use url::Url;

use crate::{
    app::App,
    page::{Notice, Page, Parties},
};

/// Longer than any exchange: one that is older ended with its process.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(60);

/// What came of a link.
pub(super) async fn told(app: &App, record: &AuthorizationRecord) -> Page<Notice> {
    let parties = parties(app, record).await;
    let under_way_since = app.keeper.clock().now().wall.minus(LONGEST_EXCHANGE);
    let spent = match &record.status {
        AuthorizationStatus::Connected => {
            let notice = Notice::already_connected(parties).back_to(way_back(record, &[]));
            return Page::new(StatusCode::GONE, notice);
        }
        AuthorizationStatus::WrongAccount => return wrong_account(app, record).await,
        AuthorizationStatus::Exchanging(exchange) if exchange.journalled_at > under_way_since => {
            return Page::new(StatusCode::CONFLICT, Notice::under_way(parties));
        }
        AuthorizationStatus::Open => Notice::link_expired(parties),
        AuthorizationStatus::Failed { reason, .. } if reason == SUPERSEDED => Notice::link_replaced(parties),
        AuthorizationStatus::Exchanging(_) | AuthorizationStatus::Failed { .. } => {
            Notice::link_spent(parties)
        }
    };
    no_connection(app, StatusCode::GONE, spent, Some(record), "link_used").await
}

pub(super) async fn wrong_account(app: &App, record: &AuthorizationRecord) -> Page<Notice> {
    let notice = Notice::wrong_account(parties(app, record).await);
    no_connection(app, StatusCode::CONFLICT, notice, Some(record), "wrong_account").await
}

/// A page with the two ways to go on: once more, and back to the app.
pub(super) async fn no_connection(
    app: &App,
    status: StatusCode,
    notice: Notice,
    record: Option<&AuthorizationRecord>,
    error: &str,
) -> Page<Notice> {
    let again = match record {
        Some(record) => again(app, record).await,
        None => None,
    };
    let back = record.and_then(|record| way_back(record, &[("error", error)]));
    Page::new(status, notice.again_at(again).back_to(back))
}

/// A new link to the grant that this authorization was to repair, while it needs that.
async fn again(app: &App, record: &AuthorizationRecord) -> Option<String> {
    let grant = app.keeper.grant(record.grant?).await.ok().flatten()?;
    let is_dead = matches!(grant.state, GrantState::NeedsReauthorization { .. } | GrantState::NotRefreshable);
    let now = app.keeper.clock().now();
    let may_begin = is_dead && app.repairs.allowance(grant.id, now.moment).is_ok();
    may_begin.then(|| app.config.address(&format!("connect/{}", app.link_key.sign(grant.id, now.wall))))
}

/// The return URL, told what came of the authorization.
pub(super) fn way_back(record: &AuthorizationRecord, outcome: &[(&str, &str)]) -> Option<Url> {
    let mut address = ReturnUrl::new(record.return_url.as_deref()?).ok()?.into_url();
    address.query_pairs_mut().append_pair("authorization", &record.id.to_string()).extend_pairs(outcome);
    Some(address)
}

/// A page that says less is better than none.
pub(super) async fn parties(app: &App, record: &AuthorizationRecord) -> Parties {
    let found = app.keeper.client(&record.namespace, &record.client).await.ok().flatten();
    found.as_ref().map_or_else(Parties::unknown, Parties::of)
}
