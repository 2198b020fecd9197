//! `POST /v1/webhooks/{id}/replay`: delivers one message again, or all since a time. They keep their ids.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use evergrant::{
    proto::time::Timestamp,
    store::webhook::{MessageId, Replay},
};
use serde::{Deserialize, Serialize};

use super::of;
use crate::{
    Webhooks,
    app::App,
    extract::{Body, Caller, WebhookPath},
    problem::{Problem, Reason},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayMessages {
    message: Option<MessageId>,
    /// RFC 3339.
    since: Option<String>,
}

#[derive(Debug, Serialize)]
struct Replayed {
    messages: u64,
}

pub(crate) async fn replay(
    State(app): State<Arc<App>>,
    caller: Caller,
    WebhookPath(id): WebhookPath,
    Body(body): Body<ReplayMessages>,
) -> Result<Response, Problem> {
    let which = match (body.message, body.since) {
        (Some(message), None) => Replay::Message(message),
        (None, Some(since)) => Replay::Since(time(&since)?),
        _ => return Err(Problem::new(Reason::InvalidBody, "Name either a message or a time, not both.")),
    };
    let messages = of(&app, caller).replay(id, which).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { messages })).into_response())
}

fn time(text: &str) -> Result<Timestamp, Problem> {
    Webhooks::parse_time(text).ok_or_else(|| {
        Problem::new(Reason::InvalidBody, "The field since is no time such as 2026-11-21T09:30:00Z.")
    })
}
