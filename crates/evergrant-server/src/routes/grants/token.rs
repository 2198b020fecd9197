//! `GET /v1/grants/{grant}/token`: an access token that works, or why there is none.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use evergrant::proto::scope::ScopeSet;

use super::{access_key, refusal};
use crate::{
    app::App,
    extract::{GrantPath, Parameters},
    problem::{Problem, Reason},
    view::TokenView,
};

pub(crate) async fn token(
    State(app): State<Arc<App>>,
    GrantPath(grant): GrantPath,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let min_ttl = Duration::from_secs(parameters.take("min_ttl")?.unwrap_or(0));
    let (resource, scope) = (parameters.take("resource")?, parameters.take::<ScopeSet>("scope")?);
    parameters.finish()?;
    let key = access_key(resource, scope).map_err(|detail| Problem::new(Reason::InvalidQuery, detail))?;
    let token = app.keeper.token_for(grant, key, min_ttl).await;
    match token {
        Ok(token) => Ok(TokenView::new(&token, &app.keeper).into_response()),
        Err(error) => Err(refusal(&app, grant, error).await),
    }
}
