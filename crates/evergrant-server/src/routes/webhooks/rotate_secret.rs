//! `POST /v1/webhooks/{id}/rotate-secret`: a new secret, in this answer and in no other. The one before signs beside it for
//! a day, or for as long as the body says.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::of;
use crate::{
    OLD_SECRET_SIGNS_FOR,
    app::App,
    extract::{Body, Caller, WebhookPath},
    problem::{Problem, Reason},
};

/// Two secrets are one too many for longer than a receiver needs.
const LONGEST_OVERLAP: u64 = 30 * 86_400;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateSecret {
    /// Seconds; 0 if the secret has leaked.
    overlap: Option<u64>,
}

#[derive(Serialize)]
struct Rotated<'a> {
    secret: &'a str,
    /// Until when the secret before signs as well.
    previous_signs_until: String,
}

pub(crate) async fn rotate_secret(
    State(app): State<Arc<App>>,
    caller: Caller,
    WebhookPath(id): WebhookPath,
    Body(body): Body<RotateSecret>,
) -> Result<Response, Problem> {
    let overlap = body.overlap.map_or(OLD_SECRET_SIGNS_FOR, Duration::from_secs);
    if overlap.as_secs() > LONGEST_OVERLAP {
        let detail = format!("The field overlap is at most {LONGEST_OVERLAP} seconds.");
        return Err(Problem::new(Reason::InvalidBody, detail));
    }
    let (secret, until) = of(&app, caller).rotate_secret(id, overlap).await?;
    let shown = secret.expose();
    Ok(Json(Rotated { secret: &shown, previous_signs_until: until.to_string() }).into_response())
}
