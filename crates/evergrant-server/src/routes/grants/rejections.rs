//! `POST /v1/grants/{grant}/rejections`: a resource server answered 401 or 403 to a token.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use evergrant::{Rejection, proto::name::Generation};
use serde::Deserialize;

use super::{access_key, refusal, seen::Seen};
use crate::{
    app::App,
    extract::{Body, GrantPath, Scopes},
    problem::{Problem, Reason},
    view::TokenView,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reject {
    generation: Option<Generation>,
    token_sha256: Option<String>,
    /// What the resource server answered.
    status: u16,
    www_authenticate: Option<String>,
    /// What the token was for, as it was asked for.
    resource: Option<String>,
    scopes: Option<Scopes>,
}

/// Answers with the token to use instead. A rejection of a token that has been replaced since changes nothing.
pub(crate) async fn reject(
    State(app): State<Arc<App>>,
    GrantPath(grant): GrantPath,
    Body(body): Body<Reject>,
) -> Result<Response, Problem> {
    if !matches!(body.status, 401 | 403) {
        return Err(Problem::new(Reason::InvalidBody, "Only 401 and 403 reject a token."));
    }
    let seen = Seen::new(body.generation, body.token_sha256.as_deref())?;
    let key = access_key(body.resource, body.scopes.map(|scopes| scopes.0))
        .map_err(|detail| Problem::new(Reason::InvalidBody, detail))?;
    let rejection = Rejection { status: body.status, www_authenticate: body.www_authenticate };
    let token = match seen.resolve(&app.keeper, grant, &key).await {
        Ok(Ok(generation)) => app.keeper.reject(grant, key, generation, &rejection).await,
        Ok(Err(current)) => Ok(current),
        Err(error) => Err(error),
    };
    match token {
        Ok(token) => Ok(TokenView::new(&token, &app.keeper).into_response()),
        Err(error) => Err(refusal(&app, grant, error).await),
    }
}
