//! `POST /v1/webhooks`: adds a webhook. Its secret is in this answer and in no other.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{kinds, of};
use crate::{
    NewWebhook,
    app::App,
    extract::{Body, Caller},
    problem::Problem,
    view::WebhookView,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddWebhook {
    url: String,
    #[serde(default)]
    types: Vec<String>,
    description: Option<String>,
}

#[derive(Serialize)]
struct Added<'a> {
    #[serde(flatten)]
    webhook: WebhookView<'a>,
    secret: &'a str,
}

pub(crate) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<AddWebhook>,
) -> Result<Response, Problem> {
    let new = NewWebhook { url: body.url, kinds: kinds(&body.types)?, description: body.description };
    let (webhook, secret) = of(&app, caller).add(new).await?;
    let shown = secret.expose();
    let added = Added { webhook: WebhookView::new(&webhook), secret: &shown };
    Ok((StatusCode::CREATED, Json(added)).into_response())
}
