//! `GET /v1/webhooks`: all of them, the oldest first.

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
    extract::{Caller, Parameters},
    problem::Problem,
    view::WebhookView,
};

#[derive(Debug, Serialize)]
struct List<'a> {
    webhooks: Vec<WebhookView<'a>>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let webhooks = of(&app, caller).list().await?;
    Ok(Json(List { webhooks: webhooks.iter().map(WebhookView::new).collect() }).into_response())
}
