//! `GET /v1/webhooks/{id}/deliveries`: what became of the messages to it, the newest first.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::of;
use crate::{
    app::App,
    extract::{Caller, Parameters, WebhookPath},
    problem::Problem,
    view::DeliveryView,
};

#[derive(Debug, Serialize)]
struct Deliveries {
    deliveries: Vec<DeliveryView>,
    /// What to ask with next, as `before`; `null`: these were the oldest.
    next: Option<u64>,
}

pub(crate) async fn deliveries(
    State(app): State<Arc<App>>,
    caller: Caller,
    WebhookPath(id): WebhookPath,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let before = parameters.take("before")?;
    let limit = parameters.take_limit(50, 500)?;
    parameters.finish()?;
    let found = of(&app, caller).deliveries(id, before, limit).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|delivery| delivery.number);
    let deliveries = found.into_iter().map(DeliveryView::new).collect();
    Ok(Json(Deliveries { deliveries, next }).into_response())
}
