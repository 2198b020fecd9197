//! Refresh tokens that were already exchanged: sent twice, lost, or overtaken.

use super::{Facts, Finding, period};
use crate::{
    diagnosis::{Cause, Certainty, PreviousOutcome},
    provider::RotationKind,
};

const REVOCATIONS: [Cause; 2] = [Cause::UserRevoked, Cause::AdminOrPolicyRevoked];

/// Whether the provider's own words are that the token was used before.
fn reported(facts: Facts<'_>) -> bool {
    let by_catalogue =
        facts.failure.catalogue.is_some_and(|said| said.certain && said.cause == Cause::RotatedTokenReused);
    // Not "already been claimed": Dex says "invalid or has already been claimed" of every dead token.
    let words =
        ["already used", "already been used", "token reuse", "reuse detected", "already been refreshed"];
    facts.refresh_token_refused() && (by_catalogue || facts.description_has(&words))
}

/// Whether this provider can have replaced the token at all.
fn rotates(facts: Facts<'_>) -> bool {
    facts.provider.rotation.kind != RotationKind::Reusable || facts.history.rotation_observed == Some(true)
}

/// The attempt before this one, if nobody knows what became of it.
fn unknown_outcome(facts: Facts<'_>) -> Option<String> {
    let previous = facts.history.previous_attempt.filter(|previous| previous.outcome.is_unknown())?;
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

pub(super) fn the_provider_reports_reuse_after_an_unknown_outcome(facts: Facts<'_>) -> Option<Finding> {
    let evidence = unknown_outcome(facts).filter(|_| reported(facts))?;
    Some(
        Finding::new(Cause::LostRotationNotPersisted, Certainty::Certain, evidence)
            .because("The provider itself reports that the token was used before."),
    )
}

pub(super) fn the_provider_reports_reuse(facts: Facts<'_>) -> Option<Finding> {
    if !reported(facts) {
        return None;
    }
    refreshes_overlapped(facts).or_else(|| the_newest_token_was_not_stored(facts)).or_else(|| {
        let finding = Finding::new(
            Cause::RotatedTokenReused,
            Certainty::Certain,
            "The provider itself reports that the token was used before.",
        );
        Some(match facts.history.sent_token_is_latest {
            Some(true) => finding.because(
                "It was the newest token that this installation received, so somebody else holds the grant, too: \
                 another installation, a copy, or a thief.",
            ),
            _ => finding,
        })
    })
}

pub(super) fn an_earlier_outcome_is_unknown(facts: Facts<'_>) -> Option<Finding> {
    let evidence = unknown_outcome(facts).filter(|_| facts.refresh_token_refused() && rotates(facts))?;
    Some(Finding::new(Cause::LostRotationNotPersisted, Certainty::Likely, evidence).or(&REVOCATIONS))
}

pub(super) fn the_newest_token_was_not_stored(facts: Facts<'_>) -> Option<Finding> {
    let lost = facts.history.newest_token_persisted == Some(false)
        && facts.refresh_token_refused()
        && rotates(facts);
    lost.then(|| {
        Finding::new(
            Cause::LostRotationNotPersisted,
            Certainty::Likely,
            "A newer refresh token was received and could not be stored.",
        )
        .or(&REVOCATIONS)
    })
}

pub(super) fn refreshes_overlapped(facts: Facts<'_>) -> Option<Finding> {
    let others = facts.history.concurrent_attempts.filter(|others| *others > 0)?;
    (facts.refresh_token_refused() && rotates(facts)).then(|| {
        Finding::new(
            Cause::ConcurrentRefreshRace,
            Certainty::Likely,
            format!("{others} other refreshes of this grant were under way at the same time."),
        )
        .or(&[Cause::RotatedTokenReused, Cause::UserRevoked])
    })
}

pub(super) fn an_older_token_was_sent(facts: Facts<'_>) -> Option<Finding> {
    let older =
        facts.history.sent_token_is_latest == Some(false) && facts.refresh_token_refused() && rotates(facts);
    older.then(|| {
        Finding::new(
            Cause::RotatedTokenReused,
            Certainty::Likely,
            "The refresh token that was sent is not the newest that was received.",
        )
        .or(&REVOCATIONS)
    })
}
