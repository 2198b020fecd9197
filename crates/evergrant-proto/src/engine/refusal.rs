//! What callers are told when there is no access token.

use std::time::Duration;

use super::{Answer, Refusal, StoreFailure};
use crate::{
    diagnosis::{Cause, Certainty, Diagnosis, remedies},
    grant::{Degradation, GrantRecord, GrantState},
    transaction::Conflict,
};

/// When to ask again where there was no room: requests end within seconds.
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// Why a grant in this state cannot be refreshed; `None` if it can.
pub(super) fn closed(grant: &GrantRecord) -> Option<Refusal> {
    match &grant.state {
        GrantState::Active | GrantState::Degraded { .. } => None,
        GrantState::NeedsReauthorization { diagnosis } => {
            Some(Refusal::NeedsReauthorization(diagnosis.clone()))
        }
        GrantState::NotRefreshable => Some(Refusal::NotRefreshable),
        GrantState::Revoked => Some(Refusal::Revoked),
    }
}

/// A refusal with the diagnosis that was made when it was recorded: the record knows more than the flight did.
pub(super) fn as_recorded(refusal: Refusal, grant: &GrantRecord) -> Refusal {
    match (refusal, &grant.state) {
        (
            Refusal::ClientRejected { retry_after, .. },
            GrantState::Degraded { reason: Degradation::ClientSuspended, diagnosis },
        ) => Refusal::ClientRejected { diagnosis: diagnosis.clone(), retry_after },
        (refusal, _) => refusal,
    }
}

pub(super) fn backing_off(grant: &GrantRecord, retry_after: Duration) -> Refusal {
    match &grant.state {
        GrantState::Degraded { reason: Degradation::RequestRefused, diagnosis } => {
            Refusal::RequestRefused(diagnosis.clone())
        }
        GrantState::Degraded { reason: Degradation::OutcomeUnknown, diagnosis } => {
            Refusal::OutcomeUnknown { diagnosis: Some(diagnosis.clone()), retry_after }
        }
        state => {
            let diagnosis = state.diagnosis().cloned().or_else(|| nothing_usable(grant)).map(Box::new);
            Refusal::ProviderUnavailable { diagnosis, retry_after }
        }
    }
}

/// A refresh was answered with success, and what it brought cannot be handed out. `None`: that is not so.
fn nothing_usable(grant: &GrantRecord) -> Option<Diagnosis> {
    if grant.state != GrantState::Active || grant.failures == 0 {
        return None;
    }
    let brought = match grant.access.iter().find(|entry| entry.generation == grant.generation) {
        None => "no access token",
        Some(_) => "an access token that had ended already, or that was refused at once",
    };
    let cause = Cause::UnknownBug;
    Some(Diagnosis {
        cause,
        certainty: Certainty::Possible,
        culprit: cause.culprit(),
        permanent: false,
        retry: true,
        remedies: remedies(cause),
        evidence: vec![format!("The provider answered the last refresh with success and {brought}.")],
        alternatives: vec![Cause::ClockSkew, Cause::ProviderOutage],
    })
}

pub(super) fn owes_revocation(grant: &GrantRecord) -> bool {
    grant.revocation.is_some_and(|revocation| revocation.confirmed_at.is_none())
}

pub(super) fn refused(refusal: Refusal) -> Answer {
    Answer::Refused(Box::new(refusal))
}

pub(super) fn store_unavailable(failure: &StoreFailure) -> Refusal {
    match failure {
        StoreFailure::Conflict(Conflict::NoSuchGrant) => Refusal::NoSuchGrant,
        StoreFailure::Conflict(conflict) => Refusal::StoreUnavailable(conflict.to_string()),
        StoreFailure::Busy => Refusal::InProgress { retry_after: BUSY_RETRY },
        StoreFailure::Away(detail) | StoreFailure::Ambiguous(detail) => {
            Refusal::StoreUnavailable(detail.clone())
        }
    }
}
