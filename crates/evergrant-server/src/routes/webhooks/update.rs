//! `PATCH /v1/webhooks/{id}`: changes what the body names. To enable one is to begin with a clean record.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{kinds, of};
use crate::{
    WebhookUpdate,
    app::App,
    extract::{Body, Caller, WebhookPath},
    problem::Problem,
    view::WebhookView,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateWebhook {
    url: Option<String>,
    types: Option<Vec<String>>,
    /// An empty one takes it away.
    description: Option<String>,
    enabled: Option<bool>,
}

pub(crate) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    WebhookPath(id): WebhookPath,
    Body(body): Body<UpdateWebhook>,
) -> Result<Response, Problem> {
    let change = WebhookUpdate {
        url: body.url,
        kinds: body.types.map(|names| kinds(&names)).transpose()?,
        description: body.description,
        enabled: body.enabled,
    };
    let webhook = of(&app, caller).change(id, change).await?;
    Ok(Json(WebhookView::new(&webhook)).into_response())
}
