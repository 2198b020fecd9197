//! Refresh tokens that were already exchanged: sent twice, lost, or overtaken.

use super::{Case, Finding, period};
use crate::{
    diagnosis::{Cause, Certainty, PreviousOutcome},
    provider::RotationKind,
};

const REVOCATIONS: [Cause; 2] = [Cause::UserRevoked, Cause::AdminOrPolicyRevoked];

/// Whether the provider's own words are that the token was used before.
fn reported(case: Case<'_>) -> bool {
    let by_catalogue =
        case.failure.catalogue.is_some_and(|said| said.certain && said.cause == Cause::RotatedTokenReused);
    let words = [
        "already used",
        "already been used",
        "reuse",
        "already claimed",
        "already been claimed",
        "token was used",
    ];
    case.refresh_token_refused() && (by_catalogue || case.description_has(&words))
}

/// Whether this provider can have replaced the token at all.
fn rotates(case: Case<'_>) -> bool {
    case.provider.rotation.kind != RotationKind::Reusable || case.history.rotation_observed == Some(true)
}

/// The attempt before this one, if nobody knows what became of it.
fn unknown_outcome(case: Case<'_>) -> Option<String> {
    let previous = case.history.previous_attempt.filter(|previous| previous.outcome.is_unknown())?;
    let how = match previous.outcome {
        PreviousOutcome::Timeout => "got no answer in time",
        PreviousOutcome::ConnectionError => "lost its connection",
        PreviousOutcome::ServerError => "was answered with a server error",
        PreviousOutcome::Unreadable => "was answered with something unreadable",
        PreviousOutcome::NotRecorded => "was sent by a process that ended before it recorded the outcome",
        PreviousOutcome::Success | PreviousOutcome::Refused => return None,
    };
    Some(format!(
        "The same refresh token was sent {} before, and that attempt {how}: the provider may have replaced the \
         token then, and the answer with the new one is lost.",
        period(previous.age)
    ))
}

pub(super) fn the_provider_reports_reuse_after_an_unknown_outcome(case: Case<'_>) -> Option<Finding> {
    let evidence = unknown_outcome(case).filter(|_| reported(case))?;
    Some(
        Finding::new(Cause::LostRotationNotPersisted, Certainty::Certain, evidence)
            .because("The provider itself reports that the token was used before."),
    )
}

pub(super) fn the_provider_reports_reuse(case: Case<'_>) -> Option<Finding> {
    if !reported(case) {
        return None;
    }
    refreshes_overlapped(case).or_else(|| the_newest_token_was_not_stored(case)).or_else(|| {
        let finding = Finding::new(
            Cause::RotatedTokenReused,
            Certainty::Certain,
            "The provider itself reports that the token was used before.",
        );
        Some(match case.history.sent_token_is_latest {
            Some(true) => finding.because(
                "It was the newest token that this installation received, so somebody else holds the grant, too: \
                 another installation, a copy, or a thief.",
            ),
            _ => finding,
        })
    })
}

pub(super) fn an_earlier_outcome_is_unknown(case: Case<'_>) -> Option<Finding> {
    let evidence = unknown_outcome(case).filter(|_| case.refresh_token_refused() && rotates(case))?;
    Some(Finding::new(Cause::LostRotationNotPersisted, Certainty::Likely, evidence).or(&REVOCATIONS))
}

pub(super) fn the_newest_token_was_not_stored(case: Case<'_>) -> Option<Finding> {
    let lost =
        case.history.newest_token_persisted == Some(false) && case.refresh_token_refused() && rotates(case);
    lost.then(|| {
        Finding::new(
            Cause::LostRotationNotPersisted,
            Certainty::Likely,
            "A newer refresh token was received and could not be stored.",
        )
        .or(&REVOCATIONS)
    })
}

pub(super) fn refreshes_overlapped(case: Case<'_>) -> Option<Finding> {
    let others = case.history.concurrent_attempts.filter(|others| *others > 0)?;
    (case.refresh_token_refused() && rotates(case)).then(|| {
        Finding::new(
            Cause::ConcurrentRefreshRace,
            Certainty::Likely,
            format!("{others} other refreshes of this grant were under way at the same time."),
        )
        .or(&[Cause::RotatedTokenReused, Cause::UserRevoked])
    })
}

pub(super) fn an_older_token_was_sent(case: Case<'_>) -> Option<Finding> {
    let older =
        case.history.sent_token_is_latest == Some(false) && case.refresh_token_refused() && rotates(case);
    older.then(|| {
        Finding::new(
            Cause::RotatedTokenReused,
            Certainty::Likely,
            "The refresh token that was sent is not the newest that was received.",
        )
        .or(&REVOCATIONS)
    })
}
