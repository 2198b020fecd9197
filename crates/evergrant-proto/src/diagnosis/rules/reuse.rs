//! Refresh tokens that were already exchanged: sent twice, lost, or overtaken.

use super::{Facts, Finding, expiry, period};
use crate::{
    diagnosis::{Cause, Certainty, PreviousAttempt, PreviousOutcome, wording::Weight},
    failure::Stage,
    provider::{Provider, ReplayRevokes, RotationKind},
    wire::error_response::ErrorCode,
};

const REVOCATIONS: [Cause; 2] = [Cause::UserRevoked, Cause::AdminOrPolicyRevoked];

/// Whether the provider's own words are that the token was used before.
fn reported(facts: Facts<'_>) -> bool {
    facts.refresh_token_refused() && (is_known_to_mean_this_token(facts) || facts.hearing.tells_of_reuse())
}

/// Whether the catalogue knows these words to be said of the very token that was sent.
fn is_known_to_mean_this_token(facts: Facts<'_>) -> bool {
    facts
        .failure
        .catalogue
        .is_some_and(|said| said.certainty == Certainty::Certain && said.cause == Cause::RotatedTokenReused)
}

/// Whether this provider can have replaced the token at all.
fn rotates(facts: Facts<'_>) -> bool {
    facts.provider.rotation.kind != RotationKind::Reusable || facts.history.rotation_observed == Some(true)
}

/// Whether a token that was sent before can have been refused for that. A provider that was seen to rotate where it is said not
/// to is not taken at its policy's word.
fn may_cost_the_token(facts: Facts<'_>) -> bool {
    let contradicted = facts.provider.rotation.kind == RotationKind::Reusable;
    let forgiven = facts.history.repetition_forgiven == Some(true) && !contradicted;
    rotates(facts) && (!forgiven || sabotaged!(SupposeALoss))
}

/// That an answer was lost, where that cannot be why.
pub(super) fn a_lost_answer_is_not_why(facts: Facts<'_>) -> Option<&'static str> {
    let lost = facts.refresh_token_refused() && unknown_outcome(facts).is_some();
    (lost && !may_cost_the_token(facts)).then_some(
        "What became of an attempt before it with the same refresh token is not known, but the provider takes that token \
         once more by its policy: this is not why.",
    )
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
        PreviousOutcome::NotInBackup => "is not in the backup that the store was restored from",
        PreviousOutcome::Success | PreviousOutcome::Refused => return None,
    };
    let before = previous.age.map_or_else(|| "before".to_owned(), |age| format!("{} before", period(age)));
    Some(format!(
        "The same refresh token was sent {before}, and that attempt {how}: the provider may have replaced the \
         token then, and the answer with the new one is lost.",
    ))
}

const REPORT: &str = "The provider itself reports that the token was used before.";

pub(super) fn the_provider_reports_reuse_after_an_unknown_outcome(facts: Facts<'_>) -> Option<Finding> {
    let evidence = unknown_outcome(facts).filter(|_| reported(facts))?;
    let lost = |certainty| Finding::new(Cause::LostRotationNotPersisted, certainty, evidence).because(REPORT);
    Some(if may_be_about_another_use(facts) {
        lost(Certainty::Likely)
            .because(
                "An earlier token of this grant may have been used twice, too: the provider does not say which it means.",
            )
            .or(&[Cause::RotatedTokenReused])
    } else if !may_cost_the_token(facts) {
        lost(Certainty::Likely)
            .because(
                "The provider takes that token once more by its policy: its policy is another, or somebody else has used the \
                 token, too.",
            )
            .or(&[Cause::RotatedTokenReused])
    } else {
        lost(Certainty::Certain)
    })
}

/// Whether a report of reuse need not be about the unknown outcome: an earlier token, or one of another grant, may have been
/// used twice, and this one ended with it.
fn may_be_about_another_use(facts: Facts<'_>) -> bool {
    let history = facts.history;
    history.overtaken_attempt.is_some()
        || history.store_restored == Some(true)
        || !is_known_to_mean_this_token(facts)
}

pub(super) fn the_provider_reports_reuse(facts: Facts<'_>) -> Option<Finding> {
    if !reported(facts) {
        return None;
    }
    refreshes_overlapped(facts).or_else(|| the_newest_token_was_not_stored(facts)).or_else(|| {
        // What a repetition brought after the adoption may have been used by the newer tables as well.
        let forgotten = |attempt: PreviousAttempt| attempt.outcome == PreviousOutcome::NotInBackup;
        let restored = facts.history.store_restored == Some(true);
        if restored || facts.history.overtaken_attempt.is_some_and(forgotten) {
            return Some(
                Finding::new(Cause::RotatedTokenReused, Certainty::Possible, REPORT)
                    .because(
                        "The store was restored from a backup, or copied: that use may have been ours, after the backup was \
                         made.",
                    )
                    .or(&[Cause::LostRotationNotPersisted, Cause::ConcurrentRefreshRace]),
            );
        }
        let finding = Finding::new(Cause::RotatedTokenReused, Certainty::Certain, REPORT);
        let may_be_late = facts.history.overtaken_attempt.is_some();
        Some(match facts.history.sent_token_is_latest {
            Some(true) if may_be_late => finding.because(
                "It was the newest token that this installation received: either an earlier request of ours arrived \
                 late, or somebody else holds the grant, too.",
            ),
            Some(true) => finding.because(
                "It was the newest token that this installation received, so somebody else holds the grant, too: \
                 another installation, a copy, or a thief.",
            ),
            _ => finding,
        })
    })
}

pub(super) fn an_earlier_outcome_is_unknown(facts: Facts<'_>) -> Option<Finding> {
    let evidence =
        unknown_outcome(facts).filter(|_| facts.refresh_token_refused() && may_cost_the_token(facts))?;
    let lost = Finding::new(Cause::LostRotationNotPersisted, Certainty::Likely, evidence);
    Some(lost.or(&what_else(facts, &REVOCATIONS)))
}

/// What it may be instead where our records only suppose: first what the provider's words hint at and what has run out, then
/// these.
fn what_else(facts: Facts<'_>, these: &[Cause]) -> Vec<Cause> {
    let hinted = facts.hearing.means(Weight::Hint).map(|saying| saying.cause);
    hinted.into_iter().chain(expiry::what_is_over(facts)).chain(these.iter().copied()).collect()
}

pub(super) fn the_newest_token_was_not_stored(facts: Facts<'_>) -> Option<Finding> {
    let lost = facts.history.newest_token_persisted == Some(false)
        && facts.refresh_token_refused()
        && may_cost_the_token(facts);
    lost.then(|| {
        Finding::new(
            Cause::LostRotationNotPersisted,
            Certainty::Likely,
            "A newer refresh token was received and could not be stored.",
        )
        .or(&what_else(facts, &REVOCATIONS))
    })
}

/// What a backup holds may have been used since it was made, and its records say nothing of that.
pub(super) fn a_backup_brought_it_back(facts: Facts<'_>) -> Option<Finding> {
    let restored = facts.history.store_restored == Some(true);
    (restored && facts.refresh_token_refused() && rotates(facts)).then(|| {
        Finding::new(
            Cause::LostRotationNotPersisted,
            Certainty::Possible,
            "The store was restored from a backup, or copied, since this refresh token was received: it may have been \
             used, and replaced by one that the backup does not hold, after the backup was made.",
        )
        .or(&what_else(facts, &[Cause::UserRevoked, Cause::AdminOrPolicyRevoked, Cause::RotatedTokenReused]))
    })
}

/// An old request may have arrived after its token was replaced: to the provider that is a replay.
pub(super) fn an_overtaken_request_may_have_arrived(facts: Facts<'_>) -> Option<Finding> {
    let overtaken = facts.history.overtaken_attempt?;
    if !facts.refresh_token_refused() {
        return None;
    }
    if overtaken.outcome == PreviousOutcome::NotInBackup {
        if !rotates(facts) {
            return None;
        }
        let evidence = "The store was restored from a backup, or copied, before this refresh token was received. A \
                        request that the backup knows nothing of may have replaced it, or ended the grant as a replay; \
                        and where a provider repeats its answers, it may have been used before the restore.";
        let lost = Finding::new(Cause::LostRotationNotPersisted, Certainty::Possible, evidence);
        let others = [Cause::UserRevoked, Cause::AdminOrPolicyRevoked, Cause::RotatedTokenReused];
        return Some(lost.or(&what_else(facts, &others)));
    }
    if !a_late_request_costs_the_token(facts.provider) {
        return None;
    }
    let sent = overtaken.age.map_or_else(String::new, |age| format!(", sent {} ago,", period(age)));
    let evidence = format!(
        "A request with an earlier refresh token of this grant{sent} never got its answer. If the network delivered it \
         after the token had been replaced, the provider took it for a replay and ended the grant.",
    );
    let others = [Cause::UserRevoked, Cause::AdminOrPolicyRevoked, Cause::LostRotationNotPersisted];
    let reused = Finding::new(Cause::RotatedTokenReused, Certainty::Possible, evidence);
    Some(reused.or(&what_else(facts, &others)))
}

/// Where the latest request wins, one that comes late takes the place of the token that is held.
fn a_late_request_costs_the_token(provider: &Provider) -> bool {
    let latest_wins =
        matches!(provider.rotation.kind, RotationKind::LatestWins | RotationKind::UntilSuccessorUsed);
    latest_wins || a_replay_ends_the_grant(provider)
}

/// Whether a replay ends this provider's grants, as far as anybody knows.
fn a_replay_ends_the_grant(provider: &Provider) -> bool {
    let rotation = &provider.rotation;
    match rotation.revokes {
        ReplayRevokes::Grant | ReplayRevokes::ClientSession => true,
        ReplayRevokes::Unknown => {
            matches!(rotation.kind, RotationKind::ReplayRevokes | RotationKind::Unknown)
        }
        ReplayRevokes::Nothing => false,
    }
}

/// Hydra and others fail with an error of their own when two refreshes meet.
pub(super) fn a_race_shook_the_server(facts: Facts<'_>) -> Option<Finding> {
    let stumbled = facts.failure.stage == Stage::RefreshToken
        && facts.failure.http_status.is_some_and(|status| status >= 500)
        && matches!(
            facts.code(),
            Some(ErrorCode::Other(_) | ErrorCode::InvalidGrant | ErrorCode::InvalidRequest)
        );
    if !stumbled {
        return None;
    }
    let overlap = overlap(facts)?;
    Some(
        Finding::new(Cause::ConcurrentRefreshRace, Certainty::Likely, overlap)
            .because("The server answered with an error about the token and not with one about itself.")
            .or(&[Cause::RotatedTokenReused, Cause::ProviderOutage]),
    )
}

fn overlap(facts: Facts<'_>) -> Option<String> {
    let others = facts.history.concurrent_attempts.filter(|others| *others > 0)?;
    Some(match others {
        1 => "Another refresh of this grant was under way at the same time.".to_owned(),
        others => format!("{others} other refreshes of this grant were under way at the same time."),
    })
}

/// Nobody saw two refreshes meet, but several processes hold the token and nothing keeps them apart.
pub(super) fn several_processes_refresh(facts: Facts<'_>) -> Option<Finding> {
    let several = facts.history.several_processes == Some(true);
    (several && facts.refresh_token_refused() && rotates(facts)).then(|| {
        Finding::new(
            Cause::ConcurrentRefreshRace,
            Certainty::Possible,
            "Several processes use this grant, and the one that refreshes second presents a token that is spent.",
        )
        .or(&[Cause::RotatedTokenReused, Cause::LostRotationNotPersisted, Cause::UserRevoked])
    })
}

pub(super) fn refreshes_overlapped(facts: Facts<'_>) -> Option<Finding> {
    let overlap = overlap(facts)?;
    (facts.refresh_token_refused() && rotates(facts)).then(|| {
        Finding::new(Cause::ConcurrentRefreshRace, Certainty::Likely, overlap)
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
