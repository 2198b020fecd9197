//! `POST /v1/webhooks/{id}/test`: sends a message of the type `webhook.test` at once, and says whether it arrived.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use evergrant::store::webhook::MessageId;
use serde::Serialize;

use super::of;
use crate::{
    app::App,
    extract::{Caller, WebhookPath},
    problem::Problem,
};

#[derive(Debug, Serialize)]
struct Outcome {
    message: MessageId,
    delivered: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

pub(crate) async fn test(
    State(app): State<Arc<App>>,
    caller: Caller,
    WebhookPath(id): WebhookPath,
) -> Result<Response, Problem> {
    let carrier = app.config.webhook_carrier.as_ref().unwrap_or(app.keeper.carrier());
    let tested = of(&app, caller).test(id, carrier, app.config.webhook_patience).await?;
    let delivered = tested.failure.is_none();
    Ok(Json(Outcome { message: tested.message, delivered, failure: tested.failure }).into_response())
}
