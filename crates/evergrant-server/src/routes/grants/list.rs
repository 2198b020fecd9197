//! `GET /v1/grants`: grants by filter, a page at a time, in the order of their ids.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use evergrant::{
    proto::name::{ClientName, GrantId},
    store::GrantFilter,
};
use serde::Serialize;

use crate::{
    app::App,
    extract::{Caller, Parameters},
    problem::{Problem, Reason},
    view::GrantView,
};

#[derive(Debug, Serialize)]
struct Grants<'a> {
    grants: Vec<GrantView<'a>>,
    /// Names the next page; `null` on the last.
    next_cursor: Option<GrantId>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let mut filter = filter(caller, parameters)?;
    let limit = filter.limit;
    // One more tells whether there is a next page.
    filter.limit += 1;
    let mut grants = app.keeper.grants(filter).await?;
    let more = grants.len() > limit;
    grants.truncate(limit);
    let next_cursor = grants.last().filter(|_| more).map(|grant| grant.id);
    let rates = app.rates_for(&grants).await;
    let grants = grants.iter().map(|grant| GrantView::new(grant, &rates)).collect();
    Ok(Json(Grants { grants, next_cursor }).into_response())
}

fn filter(caller: Caller, mut parameters: Parameters) -> Result<GrantFilter, Problem> {
    let mut filter = GrantFilter::all(caller.namespace, parameters.take_limit(50, 500)?);
    filter.client = parameters.take_with("client", ClientName::new)?;
    filter.state = parameters.take_with("state", state)?;
    filter.external_id = parameters.take("external_id")?;
    filter.after = parameters.take("cursor")?;
    for label in parameters.take_all("label") {
        let (key, value) = label.split_once(':').ok_or_else(|| {
            Problem::new(Reason::InvalidQuery, "The parameter label is not of the form key:value.")
        })?;
        filter.labels.push((key.to_owned(), value.to_owned()));
    }
    parameters.finish()?;
    Ok(filter)
}

fn state(name: &str) -> Result<String, &'static str> {
    const STATES: [&str; 5] = ["active", "degraded", "needs_reauthorization", "not_refreshable", "revoked"];
    if STATES.contains(&name) {
        Ok(name.to_owned())
    } else {
        Err("use active, degraded, needs_reauthorization, not_refreshable or revoked")
    }
}
