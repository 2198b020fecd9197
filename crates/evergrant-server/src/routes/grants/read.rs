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
    let rates = app.rates_for([&grant]).await;
    Ok(Json(GrantView::new(&grant, &rates)).into_response())
}
