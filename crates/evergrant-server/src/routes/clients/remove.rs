//! `DELETE /v1/clients/{name}`: removes a client that no grant needs any more.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use evergrant::{proto::grant::GrantState, store::GrantFilter};

use super::find;
use crate::{
    app::App,
    extract::{Caller, ClientPath},
    problem::{Problem, Reason},
};

/// Grants looked at in one read.
const PAGE: usize = 100;

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    ClientPath(name): ClientPath,
) -> Result<StatusCode, Problem> {
    find(&app, &caller, &name).await?;
    let mut filter = GrantFilter::all(caller.namespace.clone(), PAGE);
    filter.client = Some(name.clone());
    loop {
        let page = app.keeper.grants(filter.clone()).await?;
        if let Some(grant) = page.iter().find(|grant| grant.state != GrantState::Revoked) {
            return Err(Problem::of(Reason::ClientInUse).about(grant.id));
        }
        match page.last() {
            Some(last) if page.len() == PAGE => filter.after = Some(last.id),
            _ => break,
        }
    }
    app.keeper.remove_client(&caller.namespace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
