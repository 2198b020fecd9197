//! `GET /metrics`: counters in the text format of Prometheus. They name no grant, so no key is asked for.

use std::sync::Arc;

use axum::{extract::State, http::header, response::IntoResponse};

use crate::{app::App, metrics::Surroundings, outlook::outlook};

pub(super) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let store = app.keeper.status().await.ok();
    let states = app.keeper.grants_by_state().await.ok();
    let ends = outlook(&app).await;
    let happened = app.journal.count_on(&app.keeper).await.ok();
    let page = app.metrics.render(&Surroundings {
        waiting: app.keeper.waiting(),
        store: store.as_ref(),
        writable: app.writable.check(&app.keeper).await.is_ok(),
        states: states.as_ref(),
        ends: ends.as_ref(),
        happened: happened.as_ref(),
        certificate_end: app.config.tls.as_ref().map(|tls| tls.not_after()),
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page)
}
