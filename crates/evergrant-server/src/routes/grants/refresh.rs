//! `POST /v1/grants/{grant}/refresh`: a later token than the one that was seen.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use evergrant::proto::{grant::AccessKey, name::Generation};
use serde::Deserialize;

use super::{refusal, seen::Seen};
use crate::{
    app::App,
    extract::{Body, GrantPath},
    problem::Problem,
    view::TokenView,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    generation: Option<Generation>,
    token_sha256: Option<String>,
}

/// Refreshes unless somebody has already: then the current token is the answer.
pub(crate) async fn refresh(
    State(app): State<Arc<App>>,
    GrantPath(grant): GrantPath,
    Body(body): Body<Refresh>,
) -> Result<Response, Problem> {
    let seen = Seen::new(body.generation, body.token_sha256.as_deref())?;
    let resolved = seen.resolve(&app.keeper, grant, &AccessKey::default()).await;
    let token = match resolved {
        Ok(Ok(generation)) => app.keeper.refresh(grant, generation).await,
        Ok(Err(current)) => Ok(current),
        Err(error) => Err(error),
    };
    match token {
        Ok(token) => Ok(TokenView::new(&token, &app.keeper).into_response()),
        Err(error) => Err(refusal(&app, grant, error).await),
    }
}
