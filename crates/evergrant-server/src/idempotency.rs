//! Answers that are given again to a request that is repeated.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use evergrant::store::once::{Executed, OnceKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    app::App,
    problem::{Problem, Reason},
};

/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The answer to a request that has made something.
#[derive(Serialize, Deserialize)]
pub(crate) struct Made {
    status: u16,
    location: String,
    body: String,
}

impl Made {
    pub(crate) fn new(status: StatusCode, location: String, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("an answer is plain data");
        Self { status: status.as_u16(), location, body }
    }

    /// As the store keeps it, sealed.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).expect("an answer is plain data"))
    }
}

impl IntoResponse for Made {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let json = (header::CONTENT_TYPE, "application/json".to_owned());
        (status, [json, (header::LOCATION, self.location)], self.body).into_response()
    }
}

/// What was answered before, if the request has a name and was executed.
pub(crate) async fn answered(app: &App, request: Option<&OnceKey>) -> Result<Option<Response>, Problem> {
    let Some(request) = request else { return Ok(None) };
    app.keeper.executed(request.clone()).await?.map(respond).transpose()
}

/// The answer to a request that has a name.
pub(crate) fn respond(executed: Executed) -> Result<Response, Problem> {
    let read = |bytes: &[u8]| {
        let made: Made = serde_json::from_slice(bytes).map_err(|_| Problem::of(Reason::Internal))?;
        Ok::<_, Problem>(made.into_response())
    };
    match executed {
        Executed::Now(answer) => read(&answer),
        Executed::Before(answer) => {
            let mut response = read(&answer)?;
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Executed::OtherRequest => Err(Problem::of(Reason::IdempotencyKeyReused)),
    }
}
