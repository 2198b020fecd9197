//! `GET /v1/grants/{grant}/events`: what happened to a grant, oldest first.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use evergrant::store::EventFilter;
use serde::Serialize;

use crate::{
    app::App,
    extract::{Caller, GrantPath, Parameters},
    problem::Problem,
    view::EventView,
};

#[derive(Debug, Serialize)]
struct Events<'a> {
    events: Vec<EventView<'a>>,
    /// What to ask with next, as `after`: also later, when more has happened.
    next: u64,
}

pub(crate) async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    GrantPath(grant): GrantPath,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let after = parameters.take("after")?.unwrap_or(0);
    let limit = parameters.take_limit(100, 1000)?;
    parameters.finish()?;
    app.grant(&caller.namespace, grant).await?;
    let filter = EventFilter { namespace: Some(caller.namespace), grant: Some(grant), after, limit };
    let events = app.keeper.events(filter).await?;
    let next = events.last().map_or(after, |event| event.number);
    let rates = app.keeper.recent_remedy_rates().await;
    let events = events.iter().map(|event| EventView::new(event, &rates)).collect();
    Ok(Json(Events { events, next }).into_response())
}
