//! `GET /v1/clients/{name}`: one client.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use super::find;
use crate::{
    app::App,
    extract::{Caller, ClientPath},
    problem::Problem,
    view::ClientView,
};

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    ClientPath(name): ClientPath,
) -> Result<Response, Problem> {
    let client = find(&app, &caller, &name).await?;
    Ok(Json(ClientView::new(&client)).into_response())
}
