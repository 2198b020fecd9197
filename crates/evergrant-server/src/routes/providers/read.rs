//! `GET /v1/providers/{id}`: all that the catalogue says of a provider.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    extract::{TextPath, shown},
    problem::{Problem, Reason},
};

pub(crate) async fn read(State(app): State<Arc<App>>, TextPath(id): TextPath) -> Result<Response, Problem> {
    let provider = app.keeper.catalogue().find(&id).ok_or_else(|| {
        Problem::new(Reason::NoSuchProvider, format!("The catalogue has no provider {:?}.", shown(&id)))
    })?;
    Ok(Json(provider).into_response())
}
