//! `GET /v1/webhooks/{id}`: one, and how it fares.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::of;
use crate::{
    app::App,
    extract::{Caller, WebhookPath},
    problem::Problem,
    view::WebhookView,
};

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    WebhookPath(id): WebhookPath,
) -> Result<Response, Problem> {
    let webhook = of(&app, caller).find(id).await?;
    Ok(Json(WebhookView::new(&webhook)).into_response())
}
