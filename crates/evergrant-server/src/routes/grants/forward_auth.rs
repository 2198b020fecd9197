//! `GET /v1/grants/{grant}/forward-auth`: the token as a header, for reverse proxies.
//!
//! What nginx calls `auth_request`, Traefik and Caddy forward authentication: the proxy asks before it passes a request
//! on, and copies a header of the answer into that request. Such a proxy knows 2xx, 401 and 403 and takes anything
//! else for a fault, so whatever only the user can repair is a 403 here, with the link as a header.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use evergrant::{Token, proto::scope::ScopeSet};

use super::{access_key, refusal};
use crate::{
    app::App,
    extract::{GrantPath, Parameters},
    problem::{Problem, Reason},
};

/// Why there is no token: the last segment of the problem's type.
const PROBLEM: HeaderName = HeaderName::from_static("evergrant-problem");
/// Where the user repairs it.
const REAUTHORIZE_URL: HeaderName = HeaderName::from_static("evergrant-reauthorize-url");

pub(crate) async fn forward_auth(
    State(app): State<Arc<App>>,
    GrantPath(grant): GrantPath,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let min_ttl = Duration::from_secs(parameters.take("min_ttl")?.unwrap_or(0));
    let (resource, scope) = (parameters.take("resource")?, parameters.take::<ScopeSet>("scope")?);
    parameters.finish()?;
    let key = access_key(resource, scope).map_err(|detail| Problem::new(Reason::InvalidQuery, detail))?;
    Ok(match app.keeper.token_for(grant, key, min_ttl).await {
        Ok(token) => authorization(&token)?,
        Err(error) => refused(refusal(&app, grant, error).await),
    })
}

/// 204 with the header that the request to the API needs.
fn authorization(token: &Token) -> Result<Response, Problem> {
    let value = format!("{} {}", token.token_type(), token.expose());
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        Problem::new(Reason::RequestRefused, "The provider issued a token that does not fit into a header.")
    })?;
    value.set_sensitive(true);
    let headers =
        [(header::AUTHORIZATION, value), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

fn refused(problem: Problem) -> Response {
    let (reason, link) = (problem.reason(), problem.link().map(str::to_owned));
    let is_for_the_user =
        matches!(reason, Reason::NeedsReauthorization | Reason::NotRefreshable | Reason::Revoked);
    let problem = if is_for_the_user { problem.answered_with(StatusCode::FORBIDDEN) } else { problem };
    let mut response = problem.into_response();
    let headers = response.headers_mut();
    headers.insert(PROBLEM, HeaderValue::from_static(reason.as_str()));
    if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
        headers.insert(REAUTHORIZE_URL, link);
    }
    response
}
