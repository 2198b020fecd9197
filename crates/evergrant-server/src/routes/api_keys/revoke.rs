//! `DELETE /v1/api-keys/{id}`: takes an API key away for good.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use crate::{
    app::App,
    extract::{ApiKeyPath, Caller},
    problem::{Problem, Reason},
};

pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    ApiKeyPath(id): ApiKeyPath,
) -> Result<StatusCode, Problem> {
    let revoked = app.keeper.revoke_api_key(id, caller.key.namespace.clone()).await?;
    if revoked.is_none() {
        return Err(Problem::of(Reason::NoSuchApiKey));
    }
    app.see_access().await;
    Ok(StatusCode::NO_CONTENT)
}
