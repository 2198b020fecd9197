//! `POST /v1/grants/{grant}/revoke`: ends a grant, here at once and at the provider as soon as it can be told.

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

pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    GrantPath(id): GrantPath,
) -> Result<Response, Problem> {
    app.grant(&caller.namespace, id).await?;
    let grant = app.keeper.revoke(id).await?;
    let rates = app.rates_for([&grant]).await;
    Ok(Json(GrantView::new(&grant, &rates)).into_response())
}
