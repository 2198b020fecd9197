//! `DELETE /v1/webhooks/{id}`: removes one, with what was still to be delivered to it.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use super::of;
use crate::{
    app::App,
    extract::{Caller, WebhookPath},
    problem::Problem,
};

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    WebhookPath(id): WebhookPath,
) -> Result<StatusCode, Problem> {
    of(&app, caller).remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
