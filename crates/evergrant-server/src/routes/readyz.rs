//! `GET /readyz`: the server takes requests, its driver runs, and the store answers and may refresh. What is missing is
//! named by the reason of the problem: `shutting_down`, `store_unavailable`, `store_quarantined`.

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
    // It would go on serving what has not expired. But whoever replaces a working server by one on a restored store
    // has to notice before the working one is gone.
    if status.quarantine.is_some() {
        return Err(Problem::of(Reason::StoreQuarantined));
    }
    // A full disk can be read.
    if let Err(error) = app.writable.check(&app.keeper).await {
        return Err(Problem::from(error).rescued(status.lifeboat_records));
    }
    Ok(Json(Readiness { status: "ready", lifeboat_records: status.lifeboat_records }))
}
