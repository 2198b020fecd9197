//! `GET /v1/grants/{grant}/attempts`: the journal of a grant, newest first.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    app::App,
    extract::{Caller, GrantPath, Parameters},
    problem::Problem,
    view::AttemptView,
};

#[derive(Debug, Serialize)]
struct Attempts<'a> {
    attempts: Vec<AttemptView<'a>>,
}

pub(crate) async fn attempts(
    State(app): State<Arc<App>>,
    caller: Caller,
    GrantPath(grant): GrantPath,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let limit = parameters.take_limit(50, 500)?;
    parameters.finish()?;
    app.grant(&caller.namespace, grant).await?;
    let attempts = app.keeper.attempts(grant, limit).await?;
    Ok(Json(Attempts { attempts: attempts.iter().map(AttemptView::new).collect() }).into_response())
}
