//! `POST /v1/grants/{grant}/check`: whether a grant lives, asked of its provider without spending anything.

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
    view::CheckView,
};

/// Never a refresh, and nothing changes here: the answer is what the provider says now.
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    caller: Caller,
    GrantPath(id): GrantPath,
) -> Result<Response, Problem> {
    app.grant(&caller.namespace, id).await?;
    let checked = app.keeper.check(id).await?;
    let rates = app.keeper.recent_remedy_rates().await;
    Ok(Json(CheckView::new(&checked, &rates)).into_response())
}
