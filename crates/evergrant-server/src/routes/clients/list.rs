//! `GET /v1/clients`: all clients, by name.

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
    view::ClientView,
};

#[derive(Debug, Serialize)]
struct Clients<'a> {
    clients: Vec<ClientView<'a>>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.finish()?;
    let clients = app.keeper.clients(&caller.namespace).await?;
    Ok(Json(Clients { clients: clients.iter().map(ClientView::new).collect() }).into_response())
}
