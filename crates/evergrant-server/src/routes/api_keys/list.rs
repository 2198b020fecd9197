//! `GET /v1/api-keys`: every key of the namespaces that the caller sees, the oldest first.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    app::App,
    extract::{Caller, Parameters},
    problem::Problem,
    view::ApiKeyView,
};

#[derive(Debug, Serialize)]
struct ApiKeys<'a> {
    api_keys: Vec<ApiKeyView<'a>>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let now = app.keeper.clock().now().wall;
    let access = app.keeper.access(None).await?.expect("what is read without a version is never unchanged");
    let own = |namespace| caller.key.namespace.is_none() || caller.key.namespace == namespace;
    let keys = access.keys.iter().filter(|key| own(key.namespace.clone()));
    Ok(Json(ApiKeys { api_keys: keys.map(|key| ApiKeyView::new(key, now)).collect() }).into_response())
}
