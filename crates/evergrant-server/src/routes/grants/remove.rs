//! `DELETE /v1/grants/{grant}`: revokes a grant and hides it from every list.

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

/// Answers with the grant as it was last, which says whether the provider has confirmed.
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    GrantPath(id): GrantPath,
) -> Result<Response, Problem> {
    app.grant(&caller.namespace, id).await?;
    let grant = app.keeper.remove(id).await?;
    let rates = app.rates_for([&grant]).await;
    Ok(Json(GrantView::new(&grant, &rates)).into_response())
}
