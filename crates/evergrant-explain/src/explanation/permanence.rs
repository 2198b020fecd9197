//! Whether the very same request can ever succeed.

use evergrant_proto::{
    diagnosis::Cause,
    failure::{Consequence, Failure, Stage},
    wire::http::TransportFailureKind,
};

/// `None` if it depends on which candidate it is.
pub(super) fn of(cause: Cause, candidates: &[Cause], failure: &Failure) -> Option<bool> {
    match cause {
        Cause::Undetermined => of_candidates(candidates, failure),
        // A certificate does not become valid by waiting; names and connections come back.
        Cause::NetworkOrTls => Some(failure.transport == Some(TransportFailureKind::Tls)),
        // "Not yet valid" passes by itself; an assertion is made anew with the same wrong clock.
        Cause::ClockSkew => Some(failure.stage != Stage::ApiCall),
        // 404 comes from a wrong address, and from a provider that is being deployed.
        Cause::WrongTokenEndpointOrTenant | Cause::ProviderOutage
            if failure.error.is_none() && matches!(failure.http_status, Some(404 | 405 | 410)) =>
        {
            None
        }
        // Some say 429 to what they will never like, and only those who have met them know.
        Cause::RateLimited if failure.catalogue.is_some_and(|known| known.cause.is_permanent()) => None,
        Cause::UnknownBug => None,
        cause => Some(cause.is_permanent()),
    }
}

fn of_candidates(candidates: &[Cause], failure: &Failure) -> Option<bool> {
    let permanent = candidates.iter().filter(|cause| cause.is_permanent()).count();
    let answered = failure.http_status.is_some()
        || failure.error.as_ref().is_some_and(|error| error.code.is_some() || !error.vendor_codes.is_empty());
    // Of a sentence alone nobody knows what it refuses.
    let refused = answered
        && matches!(
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
