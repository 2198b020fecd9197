//! `GET /v1/authorizations/{id}`: where an authorization stands, and its grant.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};

use crate::{
    app::App,
    extract::{AuthorizationPath, Caller},
    problem::{Problem, Reason},
    view::AuthorizationView,
};

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    AuthorizationPath(id): AuthorizationPath,
) -> Result<Response, Problem> {
    let found = app.keeper.authorization(id).await?;
    let record = found.filter(|record| record.namespace == caller.namespace).ok_or_else(|| {
        Problem::new(Reason::NoSuchAuthorization, format!("There is no authorization {id}."))
    })?;
    let rates = app.keeper.recent_remedy_rates().await;
    let now = app.keeper.clock().now().wall;
    Ok(Json(AuthorizationView::new(&record, &rates, now)).into_response())
}
