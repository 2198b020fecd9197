//! `GET /v1/namespaces`: the namespaces that the caller sees, by name.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::NamespaceView;
use crate::{
    app::App,
    extract::{Caller, Parameters},
    problem::Problem,
};

#[derive(Debug, Serialize)]
struct Namespaces<'a> {
    namespaces: Vec<NamespaceView<'a>>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let access = app.keeper.access(None).await?.expect("what is read without a version is never unchanged");
    let seen = access
        .namespaces
        .iter()
        .filter(|namespace| caller.key.namespace.as_ref().is_none_or(|own| *own == namespace.name));
    Ok(Json(Namespaces { namespaces: seen.map(NamespaceView::new).collect() }).into_response())
}
