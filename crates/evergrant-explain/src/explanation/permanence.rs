//! Whether the very same request can ever succeed.

use evergrant_proto::{
    diagnosis::Cause,
    failure::{Consequence, Failure, Stage},
    wire::http::TransportFailureKind,
};

/// `None` if it depends on which candidate it is. `names_a_wait`: the answer has a `Retry-After`.
pub(super) fn of(cause: Cause, candidates: &[Cause], failure: &Failure, names_a_wait: bool) -> Option<bool> {
    match cause {
        Cause::Undetermined => of_candidates(candidates, failure),
        // A certificate does not become valid by waiting; names and connections come back.
        Cause::NetworkOrTls => Some(failure.transport == Some(TransportFailureKind::Tls)),
        // "Not yet valid" passes by itself; an assertion is made anew with the same wrong clock.
        Cause::ClockSkew => Some(failure.stage != Stage::ApiCall),
        // Without a word of the provider it may be a firewall that says 429 to what it will never like.
        Cause::RateLimited if names_a_wait && is_an_edge_speaking(failure) => None,
        // 404 comes from a wrong address, and from a provider that is being deployed.
        Cause::WrongTokenEndpointOrTenant | Cause::ProviderOutage
            if failure.error.is_none() && matches!(failure.http_status, Some(404 | 405 | 410)) =>
        {
            None
        }
        Cause::UnknownBug => None,
        cause => Some(cause.is_permanent()),
    }
}

/// A 429 that says when to come again and nothing else: what the token endpoint itself has to say comes with a body.
fn is_an_edge_speaking(failure: &Failure) -> bool {
    failure.http_status == Some(429) && failure.error.is_none()
}

fn of_candidates(candidates: &[Cause], failure: &Failure) -> Option<bool> {
    let permanent = candidates.iter().filter(|cause| cause.is_permanent()).count();
    let refused = matches!(
        failure.consequence,
        Consequence::Terminal | Consequence::RefuseRequest | Consequence::SuspendClient
    );
    if permanent == candidates.len() || refused && permanent > 0 {
        Some(true)
    } else if permanent == 0 && !candidates.is_empty() {
        Some(false)
    } else {
        None
    }
}
