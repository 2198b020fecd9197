//! What the provider says, by the catalogue and by the registered codes.

use std::time::Duration;

use super::{Facts, Finding, period};
use crate::{
    diagnosis::{Cause, Certainty},
    failure::{Consequence, Stage},
    wire::error_response::ErrorCode,
};

pub(super) fn the_catalogue_knows_for_sure(facts: Facts<'_>) -> Option<Finding> {
    let said = facts.failure.catalogue.filter(|said| said.certainty == Certainty::Certain)?;
    Some(Finding::new(
        at_stage(said.cause, facts.failure.stage)?,
        Certainty::Certain,
        format!("{} answers so in this case and no other.", facts.provider.name),
    ))
}

/// What a signature says of refresh tokens, it does not say of codes; an API speaks of the access token.
fn at_stage(cause: Cause, stage: Stage) -> Option<Cause> {
    let of_refresh_tokens = matches!(
        cause,
        Cause::RotatedTokenReused
            | Cause::LostRotationNotPersisted
            | Cause::ConcurrentRefreshRace
            | Cause::TokenLimitExceeded
            | Cause::RefreshTokenExpiredIdle
            | Cause::RefreshTokenExpiredAbsolute
    );
    let of_an_end = matches!(cause, Cause::RefreshTokenExpiredIdle | Cause::RefreshTokenExpiredAbsolute);
    match stage {
        Stage::RefreshToken => Some(cause),
        Stage::ApiCall if of_an_end => Some(Cause::AccessTokenExpired),
        _ => Some(cause).filter(|_| !of_refresh_tokens),
    }
}

/// An assertion is made with our clock, and a wrong one spoils all of them.
pub(super) fn the_clock_made_the_assertion(facts: Facts<'_>) -> Option<Finding> {
    let offset = facts.history.clock_offset_seconds.filter(|offset| offset.unsigned_abs() > 60)?;
    let asserted = matches!(facts.failure.stage, Stage::JwtBearer | Stage::ClientCredentials)
        && facts.failure.transport.is_none()
        && matches!(facts.failure.consequence, Consequence::Terminal | Consequence::SuspendClient);
    asserted.then(|| {
        let size = period(Duration::from_secs(offset.unsigned_abs()));
        Finding::new(
            Cause::ClockSkew,
            Certainty::Likely,
            format!("Our clock is {size} off, and the times in the assertion are made with it."),
        )
        .or(&[Cause::WrongClientCredentials, Cause::WrongTokenEndpointOrTenant])
    })
}

/// A wrong clock explains a refusal only where the provider speaks of time.
pub(super) fn the_clocks_differ(facts: Facts<'_>) -> Option<Finding> {
    const NOTICEABLE_SECONDS: u64 = 60;
    let offset =
        facts.history.clock_offset_seconds.filter(|offset| offset.unsigned_abs() > NOTICEABLE_SECONDS)?;
    let words = ["clock", "in the future", "not yet valid", "issued at", "timestamp", "iat ", "nbf"];
    words.iter().any(|word| facts.text.contains(word)).then(|| {
        let direction = if offset > 0 { "ahead of" } else { "behind" };
        let size = period(Duration::from_secs(offset.unsigned_abs()));
        Finding::new(
            Cause::ClockSkew,
            Certainty::Likely,
            format!("Our clock is {size} {direction} the provider's, and its answer speaks of time."),
        )
    })
}

pub(super) fn the_catalogue_supposes(facts: Facts<'_>) -> Option<Finding> {
    let said = facts.failure.catalogue?;
    let how_often = if said.certainty == Certainty::Possible { "sometimes" } else { "usually" };
    Some(Finding::new(
        at_stage(said.cause, facts.failure.stage)?,
        said.certainty.min(Certainty::Likely),
        format!("{} {how_often} answers so in this case.", facts.provider.name),
    ))
}

pub(super) fn the_code_tells(facts: Facts<'_>) -> Option<Finding> {
    let (cause, certainty) = match facts.code()? {
        ErrorCode::InteractionRequired | ErrorCode::InsufficientUserAuthentication => {
            (Cause::MfaOrConditionalAccessRequired, Certainty::Likely)
        }
        ErrorCode::LoginRequired | ErrorCode::AccountSelectionRequired => {
            (Cause::SessionTimedOut, Certainty::Likely)
        }
        ErrorCode::ConsentRequired => (Cause::ConsentRequired, Certainty::Certain),
        ErrorCode::ExpiredToken if facts.failure.stage == Stage::DeviceCode => {
            (Cause::CodeExpired, Certainty::Certain)
        }
        ErrorCode::AccessDenied
            if matches!(facts.failure.stage, Stage::DeviceCode | Stage::Authorization) =>
        {
            (Cause::ConsentRequired, Certainty::Certain)
        }
        _ => return None,
    };
    Some(Finding::new(cause, certainty, "The error code is the one that the standards give to this case."))
}
