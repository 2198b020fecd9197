//! What the provider says, by the catalogue and by the registered codes.

use super::{Case, Finding};
use crate::{
    diagnosis::{Cause, Certainty},
    failure::Stage,
    wire::error_response::ErrorCode,
};

pub(super) fn the_catalogue_knows_for_sure(case: Case<'_>) -> Option<Finding> {
    let said = case.failure.catalogue.filter(|said| said.certain)?;
    Some(Finding::new(
        said.cause,
        Certainty::Certain,
        format!("{} answers so in this case and no other.", case.provider.name),
    ))
}

pub(super) fn the_catalogue_supposes(case: Case<'_>) -> Option<Finding> {
    let said = case.failure.catalogue?;
    Some(
        Finding::new(
            said.cause,
            Certainty::Likely,
            format!("{} usually answers so in this case.", case.provider.name),
        )
        .or(&[Cause::UserRevoked, Cause::AdminOrPolicyRevoked]),
    )
}

pub(super) fn the_code_tells(case: Case<'_>) -> Option<Finding> {
    let (cause, certainty) = match case.code()? {
        ErrorCode::InteractionRequired | ErrorCode::InsufficientUserAuthentication => {
            (Cause::MfaOrConditionalAccessRequired, Certainty::Likely)
        }
        ErrorCode::LoginRequired => (Cause::SessionTimedOut, Certainty::Likely),
        ErrorCode::ConsentRequired => (Cause::ConsentRequired, Certainty::Certain),
        ErrorCode::ExpiredToken if case.failure.stage == Stage::DeviceCode => {
            (Cause::CodeExpired, Certainty::Certain)
        }
        ErrorCode::AccessDenied if case.failure.stage == Stage::DeviceCode => {
            (Cause::ConsentRequired, Certainty::Certain)
        }
        _ => return None,
    };
    Some(Finding::new(cause, certainty, "The error code is the one that the standards give to this case."))
}
