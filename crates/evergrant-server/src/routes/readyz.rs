//! `GET /readyz`: the server takes requests, its driver runs, and the store answers.

use std::sync::Arc;

use axum::{Json, extract::State};
use evergrant::{
    TokenError,
    proto::{engine::Refusal, name::GrantId},
};
use serde::Serialize;

use crate::{
    app::App,
    problem::{Problem, Reason},
};

/// A grant that nobody has: asking for its token goes all the way through the driver to the store and back.
const NOBODYS: GrantId = GrantId(0);

#[derive(Debug, Serialize)]
pub(super) struct Readiness {
    status: &'static str,
    /// Tokens are served and nothing is refreshed, until the store is adopted.
    quarantined: bool,
    /// Rotated credentials that wait for a store that cannot be written: above zero, somebody has to look.
    lifeboat_records: u32,
}

pub(super) async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Readiness>, Problem> {
    if app.is_stopping() {
        return Err(Problem::of(Reason::ShuttingDown).retry_after(app.config.drain));
    }
    match app.keeper.token(NOBODYS).await {
        Err(TokenError::Refused(refusal)) if *refusal == Refusal::NoSuchGrant => {}
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let status = app.keeper.status().await?;
    Ok(Json(Readiness {
        status: "ready",
        quarantined: status.quarantine.is_some(),
        lifeboat_records: status.lifeboat_records,
    }))
}
