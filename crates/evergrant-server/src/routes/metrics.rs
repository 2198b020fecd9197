//! `GET /metrics`: counters in the text format of Prometheus. They name no grant, so no key is asked for.

use std::sync::Arc;

use axum::{extract::State, http::header, response::IntoResponse};

use crate::{app::App, outlook::outlook};

pub(super) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let store = app.keeper.status().await.ok();
    let ends = outlook(&app).await;
    let page = app.metrics.render(app.keeper.waiting(), store.as_ref(), ends.as_ref());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page)
}
