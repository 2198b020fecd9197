//! A token that is in memory is answered before its request is routed: nearly all requests are for such a one, and the
//! layers that routes need cost more than the answer.
//!
//! Nothing is decided here but that: key, scope, namespace and grant are judged by the code that judges them on the long
//! way. Whatever is in doubt, wants more or is to be refused goes that way, which says why.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use axum::{
    body::HttpBody,
    http::{Method, Request, Uri},
    response::{IntoResponse, Response},
};
use evergrant::proto::{grant::AccessKey, name::GrantId};

use super::{Gate, answer_panic, observe::Seen};
use crate::{metrics::TOKEN, view::TokenView};

/// The answer, if it is a token from memory. `gate` is what stands before the route.
pub(crate) fn shortcut(gate: &Gate, request: &Request<impl HttpBody>) -> Option<Response> {
    if request.method() != Method::GET || !request.body().is_end_stream() {
        return None;
    }
    let grant = grant(request.uri())?;
    let seen = Seen::of(&gate.app, request);
    let answer = catch_unwind(AssertUnwindSafe(|| answer(gate, request, grant)));
    let mut response = answer.unwrap_or_else(|panic| Some(answer_panic(panic)))?;
    seen.answered(&gate.app, TOKEN, &mut response);
    Some(response)
}

/// The grant whose token is asked for, without any conditions.
fn grant(uri: &Uri) -> Option<GrantId> {
    let id = uri.path().strip_prefix("/v1/grants/")?.strip_suffix("/token")?;
    // A query may hold conditions.
    if uri.query().is_some() { None } else { id.parse().ok() }
}

fn answer(gate: &Gate, request: &Request<impl HttpBody>, grant: GrantId) -> Option<Response> {
    let caller = gate.admit(request.headers()).ok()?;
    if !gate.app.has_admitted(&caller, grant) {
        return None;
    }
    let keeper = &gate.app.keeper;
    let token = keeper.token_in_memory(grant, &AccessKey::default(), Duration::ZERO)?;
    Some(TokenView::new(&token, keeper).into_response())
}

#[cfg(test)]
mod tests {
    use evergrant::store::access::KeyScope;

    use super::*;
    use crate::api_routes;

    #[test]
    fn the_route_is_one_of_the_table_and_takes_the_same_scope() {
        let routes = api_routes();
        let route = routes.iter().find(|route| route.path == TOKEN && route.method == Method::GET).unwrap();
        assert_eq!(route.scope, KeyScope::ReadToken);
    }

    #[test]
    fn only_a_plain_request_for_a_token_is_short() {
        let id = format!("g_{:032x}", 7);
        let short = |path: String| grant(&path.parse().unwrap());
        assert_eq!(short(format!("/v1/grants/{id}/token")), Some(GrantId(7)));
        for long in [
            format!("/v1/grants/{id}/token?min_ttl=60"),
            format!("/v1/grants/{id}/token?"),
            format!("/v1/grants/{id}/token/"),
            format!("/v1/grants/{id}/forward-auth"),
            format!("/v1/grants/{id}%20/token"),
            format!("/v2/grants/{id}/token"),
            "/v1/grants//token".to_owned(),
            "/v1/grants/token".to_owned(),
        ] {
            assert_eq!(short(long.clone()), None, "{long}");
        }
    }
}
