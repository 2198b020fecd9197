//! `GET /v1/grants/{grant}`: one grant.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    extract::{Caller, GrantPath},
    problem::Problem,
    view::GrantView,
};

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    GrantPath(id): GrantPath,
) -> Result<Response, Problem> {
    let grant = app.grant(&caller.namespace, id).await?;
    let view = GrantView::new(&grant);
    if grant.state.diagnosis().is_none() {
        return Ok(Json(view).into_response());
    }
    let rates = app.keeper.remedy_rates().await?;
    Ok(Json(view.measured(&rates)).into_response())
}
