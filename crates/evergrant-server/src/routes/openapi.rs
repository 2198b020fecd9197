//! `GET /openapi.json` and `GET /docs/api`: this interface, described for programs and for people. They need no key: what
//! the server can do is the same for everybody.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    openapi::{self, Document},
};

pub(super) async fn document(State(app): State<Arc<App>>) -> impl IntoResponse {
    // Another version may answer the next request.
    let cache = (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    ([cache], Json(Document::of_server_at(app.config.public_url.as_str()))).into_response()
}

pub(super) async fn page(State(app): State<Arc<App>>) -> Response {
    openapi::page(app.config.public_url.as_str())
}
