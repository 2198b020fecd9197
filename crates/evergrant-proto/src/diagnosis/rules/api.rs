//! What a resource server says of an access token.

use super::{Facts, Finding};
use crate::{
    diagnosis::{Cause, Certainty},
    failure::Stage,
    wire::error_response::ErrorCode,
};

fn refused(facts: Facts<'_>) -> bool {
    let failure = facts.failure;
    failure.stage == Stage::ApiCall
        && failure.transport.is_none()
        && match failure.http_status {
            None | Some(400 | 401 | 403) => true,
            // A redirect, a page that is not there, a body of the wrong kind: nobody has looked at the token yet, unless
            // there is a word of it.
            Some(status) => (200..500).contains(&status) && failure.error.is_some(),
        }
}

/// Entra ends access tokens early and names no reason (learn.microsoft.com/entra/identity-platform/claims-challenge).
pub(super) fn more_claims_are_wanted(facts: Facts<'_>) -> Option<Finding> {
    let wanted = matches!(facts.code(), Some(ErrorCode::Other(code)) if code == "insufficient_claims");
    (refused(facts) && wanted).then(|| {
        Finding::new(
            Cause::Undetermined,
            Certainty::Possible,
            "The token is not old enough to have ended: an event at the provider ended it, and the provider does \
             not say which.",
        )
        .or(&[
            Cause::AdminOrPolicyRevoked,
            Cause::MfaOrConditionalAccessRequired,
            Cause::PasswordChanged,
            Cause::AccountDisabled,
            Cause::IpOrNetworkPolicyBlocked,
        ])
    })
}

/// A token that has time left does not become better by waiting, and seldom by refreshing.
pub(super) fn a_live_token_is_refused(facts: Facts<'_>) -> Option<Finding> {
    (refused(facts) && facts.history.access_token_expired == Some(false)).then(|| {
        Finding::new(
            Cause::Undetermined,
            Certainty::Possible,
            "The access token had time left, so its age is not the reason.",
        )
        .or(&[
            Cause::AdminOrPolicyRevoked,
            Cause::UserRevoked,
            Cause::ScopeProblem,
            Cause::IpOrNetworkPolicyBlocked,
            Cause::PasswordChanged,
        ])
    })
}

/// The usual end of an access token.
pub(super) fn the_token_is_refused(facts: Facts<'_>) -> Option<Finding> {
    if !refused(facts) {
        return None;
    }
    if facts.failure.http_status == Some(403) || facts.code() == Some(&ErrorCode::InsufficientScope) {
        return Some(
            Finding::new(
                Cause::ScopeProblem,
                Certainty::Possible,
                "403 is the answer to a token that is good and does not reach far enough.",
            )
            .or(&[
                Cause::ConsentRequired,
                Cause::IpOrNetworkPolicyBlocked,
                Cause::AdminOrPolicyRevoked,
            ]),
        );
    }
    let evidence = if facts.history.access_token_expired == Some(true) {
        "The access token had run out by our records."
    } else {
        "A resource server that refuses a token has most often met one that ran out."
    };
    Some(Finding::new(Cause::AccessTokenExpired, Certainty::Likely, evidence))
}
