//! What was asked for.

use super::{Facts, Finding};
use crate::{
    diagnosis::{Cause, Certainty},
    failure::{Consequence, Stage},
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

/// Where tokens came, or an access token is refused, the missing refresh token is the point.
pub(super) fn nothing_could_refresh_it(facts: Facts<'_>) -> Option<Finding> {
    let never_asked = facts.history.offline_access_requested == Some(false)
        && facts.history.refresh_token_present.is_none()
        && facts.failure.stage == Stage::ApiCall;
    if never_asked {
        return Some(
            Finding::new(
                Cause::MissingOfflineScope,
                Certainty::Likely,
                "The authorization did not ask for offline access, so nothing can replace the access token.",
            )
            .or(&[Cause::MissingRefreshToken, Cause::AccessTokenExpired]),
        );
    }
    let told =
        matches!(facts.failure.stage, Stage::ApiCall | Stage::RefreshToken) || facts.failure.error.is_none();
    let finding = no_refresh_token_is_held(facts).filter(|_| told)?;
    Some(finding.or(&[Cause::MissingOfflineScope, Cause::MissingRefreshToken, Cause::AccessTokenExpired]))
}

/// Where there is no such page, there is no token endpoint either, in whatever form the server says so.
pub(super) fn nothing_is_at_this_address(facts: Facts<'_>) -> Option<Finding> {
    let nothing = matches!(facts.failure.http_status, Some(404 | 405))
        && facts.failure.stage != Stage::ApiCall
        && facts.failure.catalogue.is_none()
        && facts.code() == Some(&ErrorCode::InvalidRequest);
    nothing.then(|| {
        Finding::new(
            Cause::WrongTokenEndpointOrTenant,
            Certainty::Likely,
            "The status is the one of an address where nothing is, or nothing that takes this request.",
        )
        .or(&[Cause::MalformedRequest])
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
        // Dex, X, Hydra and others call a dead refresh token an invalid request.
        Some(ErrorCode::InvalidRequest) if facts.failure.stage == Stage::RefreshToken => {
            finding(Cause::MalformedRequest, Certainty::Possible).or(&[
                Cause::RefreshTokenExpiredAbsolute,
                Cause::RotatedTokenReused,
                Cause::UserRevoked,
                Cause::WrongTokenEndpointOrTenant,
            ])
        }
        _ => finding(Cause::MalformedRequest, Certainty::Likely).or(&[Cause::WrongTokenEndpointOrTenant]),
    })
}
