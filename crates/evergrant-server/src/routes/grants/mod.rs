//! `/v1/grants`: what is kept alive.

mod attempts;
mod check;
mod events;
mod forecast;
mod forward_auth;
mod import;
mod import_many;
mod list;
mod read;
mod refresh;
mod rejections;
mod remove;
mod revoke;
mod seen;
mod token;

use evergrant::{
    TokenError,
    proto::{grant::AccessKey, name::GrantId, scope::ScopeSet},
};
use url::Url;

pub(super) use self::{
    attempts::attempts, check::check, events::events, forecast::forecast, forward_auth::forward_auth,
    import::import, import_many::import_many, list::list, read::read, refresh::refresh, rejections::reject,
    remove::remove, revoke::revoke, token::token,
};
use crate::{
    app::App,
    extract::MAX_VALUE_BYTES,
    problem::{Problem, Reason},
};

/// Longest resource indicator, in bytes.
const MAX_RESOURCE_BYTES: usize = 2048;

/// Why there is no token; with a link to the repair if only the user can help.
async fn refusal(app: &App, grant: GrantId, error: TokenError) -> Problem {
    let mut problem = Problem::from(error).about(grant);
    if problem.reason() == Reason::NotRefreshable {
        problem = problem.diagnosed(app.keeper.why_not_refreshable(grant).await);
    }
    if !matches!(problem.reason(), Reason::NeedsReauthorization | Reason::NotRefreshable) {
        return problem;
    }
    let now = app.keeper.clock().now();
    match app.repairs.allowance(grant, now.moment) {
        Ok(()) => {
            let link = app.link_key.sign(grant, now.wall);
            problem.repaired_at(app.config.address(&format!("connect/{link}")))
        }
        Err(wait) => problem
            .adding("Its links were opened too often within the last hour, so that there is none now.")
            .retry_after(wait),
    }
}

/// What an access token is for.
fn access_key(resource: Option<String>, scope: Option<ScopeSet>) -> Result<AccessKey, String> {
    if let Some(resource) = &resource {
        // RFC 8707 2: an absolute URI without fragment.
        let fits = Url::parse(resource).is_ok_and(|url| url.fragment().is_none());
        if !fits || resource.len() > MAX_RESOURCE_BYTES {
            return Err("The resource is no absolute URI without fragment (RFC 8707 2).".to_owned());
        }
    }
    Ok(AccessKey { resource, scope: scope.filter(|scope| !scope.is_empty()) })
}

/// A caller's own id of a person.
pub(super) fn external_id(id: Option<String>) -> Result<Option<String>, Problem> {
    match &id {
        Some(text) if text.is_empty() || text.len() > MAX_VALUE_BYTES => Err(Problem::new(
            Reason::InvalidBody,
            format!("The field external_id has 1 to {MAX_VALUE_BYTES} bytes."),
        )),
        _ => Ok(id),
    }
}
