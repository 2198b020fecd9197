//! What was asked for.

use super::{Facts, Finding};
use crate::{
    diagnosis::{Cause, Certainty},
    failure::Consequence,
    wire::error_response::ErrorCode,
};

pub(super) fn no_refresh_token_is_held(facts: Facts<'_>) -> Option<Finding> {
    if facts.history.refresh_token_present != Some(false) {
        return None;
    }
    Some(match facts.history.offline_access_requested {
        Some(false) => Finding::new(
            Cause::MissingOfflineScope,
            Certainty::Likely,
            "No refresh token is held, and the authorization did not ask for offline access.",
        ),
        _ => Finding::new(Cause::MissingRefreshToken, Certainty::Likely, "No refresh token is held.")
            .or(&[Cause::MissingOfflineScope]),
    })
}

pub(super) fn the_request_is_wrong(facts: Facts<'_>) -> Option<Finding> {
    if facts.failure.consequence != Consequence::RefuseRequest {
        return None;
    }
    let finding = |cause, certainty| {
        Finding::new(cause, certainty, "The provider refuses what was asked, not who asked.")
    };
    Some(match facts.code() {
        Some(ErrorCode::InvalidScope | ErrorCode::InsufficientScope) => {
            finding(Cause::ScopeProblem, Certainty::Certain).or(&[Cause::ConsentRequired])
        }
        Some(ErrorCode::UnsupportedGrantType) => finding(Cause::MalformedRequest, Certainty::Likely)
            .or(&[Cause::WrongTokenEndpointOrTenant, Cause::ClientDisabledOrDeleted]),
        _ if facts.description_has(&["redirect_uri", "redirect uri"]) => {
            finding(Cause::RedirectUriMismatch, Certainty::Likely).or(&[Cause::MalformedRequest])
        }
        _ if facts.description_has(&["code_verifier", "pkce", "code_challenge"]) => {
            finding(Cause::PkceMismatch, Certainty::Likely).or(&[Cause::MalformedRequest])
        }
        _ => finding(Cause::MalformedRequest, Certainty::Likely).or(&[Cause::WrongTokenEndpointOrTenant]),
    })
}
