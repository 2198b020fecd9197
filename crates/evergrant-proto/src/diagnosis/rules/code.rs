//! Authorization codes.

use std::time::Duration;

use super::{Facts, Finding, period};
use crate::{
    diagnosis::{Cause, Certainty},
    failure::{Consequence, Stage},
    wire::error_response::ErrorCode,
};

/// RFC 6749 4.1.2: a code lives at most ten minutes.
const LONGEST_CODE: Duration = Duration::from_secs(600);

/// Whatever the server calls it: with what our records say of the code, an answer of the 4xx kind is a refusal of it.
fn refused(facts: Facts<'_>) -> bool {
    let failure = facts.failure;
    let by_status = failure.transport.is_none()
        && failure
            .http_status
            .map_or(failure.error.is_some(), |status| (400..500).contains(&status) && status != 407);
    failure.stage == Stage::AuthorizationCode
        && (by_status || matches!(failure.consequence, Consequence::Terminal | Consequence::RefuseRequest))
}

/// X and others call the request invalid where the code is no longer good.
pub(super) fn the_request_with_it_is_called_invalid(facts: Facts<'_>) -> Option<Finding> {
    let invalid = refused(facts)
        && facts.code() == Some(&ErrorCode::InvalidRequest)
        && facts.hearing.calls_the_code_invalid();
    invalid.then(|| {
        Finding::new(
            Cause::Undetermined,
            Certainty::Possible,
            "The provider calls the code invalid: it is too old, was used before, or is another's.",
        )
        .or(&[
            Cause::CodeExpired,
            Cause::CodeReused,
            Cause::MalformedRequest,
            Cause::TokenIssuedToOtherClient,
        ])
    })
}

pub(super) fn our_records_tell(facts: Facts<'_>) -> Option<Finding> {
    if !refused(facts) {
        return None;
    }
    let history = facts.history;
    let expired = history.code_age.filter(|age| *age >= LONGEST_CODE);
    let (cause, evidence) = if history.code_sent_before == Some(true) {
        (Cause::CodeReused, "The same code was sent before.".to_owned())
    } else if let Some(age) = expired {
        (Cause::CodeExpired, format!("The code was {} old; the standard allows ten minutes.", period(age)))
    } else if history.verifier_matches == Some(false) {
        (
            Cause::PkceMismatch,
            "The code verifier does not fit the challenge of the authorization request.".to_owned(),
        )
    } else if history.redirect_uri_matches == Some(false) {
        (
            Cause::RedirectUriMismatch,
            "The redirect URI is not the one of the authorization request.".to_owned(),
        )
    } else {
        return None;
    };
    Some(Finding::new(cause, Certainty::Likely, evidence))
}
