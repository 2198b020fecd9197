//! What was brought is kept, and what was rejected is not handed out.

use evergrant_proto::{
    diagnosis::PreviousOutcome,
    engine::Issue,
    grant::{Attempt, GrantRecord, GrantState, Outcome},
    transaction::{Reject, Seen, Succeed},
};

use super::Judge;
use crate::Invariant;

/// Other processes serve from memory what they learned of the store no longer ago than this.
const NOTICED_WITHIN: u64 = 1_000;

impl Judge {
    /// A success is never thrown away: once it is recorded, what it brought is in the row or a spare, whatever came
    /// first (DESIGN, steps 6 and 7). Only what is older than an authorization is not needed any more.
    pub(crate) fn judge_success(
        &mut self,
        grant: &GrantRecord,
        attempt: Option<&Attempt>,
        command: &Succeed,
        now: u64,
    ) {
        let recorded = attempt.filter(|attempt| attempt.outcome == Some(Outcome::Succeeded));
        let needed = recorded.is_some_and(|attempt| attempt.generation >= grant.lineage_start);
        let Some(token) = command.issued.refresh_token.as_ref().filter(|_| needed) else { return };
        if self.owner_of(token.expose()).is_none() && grant.state != GrantState::Revoked {
            let evidence =
                format!("what attempt {} of grant {} brought is not kept", command.attempt, grant.id);
            self.object(Invariant::NothingLost, now, evidence);
        }
    }

    /// The outcome of an attempt is in the store. What an heir concludes of a dead process is no record of what happened.
    pub(crate) fn note_outcome(&mut self, attempt: &Attempt, now: u64) {
        let nothing = matches!(
            attempt.outcome,
            None | Some(Outcome::Unknown { manner: PreviousOutcome::NotRecorded, .. })
        );
        if !nothing {
            self.recorded.entry(attempt.id).or_insert(now);
        }
    }

    /// A rejection is durable.
    pub(crate) fn note_rejection(&mut self, command: &Reject, now: u64) {
        let Seen::Generation(generation) = command.seen;
        self.rejected.entry((command.grant, command.key.clone(), generation)).or_insert(now);
    }

    /// Whether a caller who asked at `asked_at` must not be given this: it had been rejected.
    pub(crate) fn was_rejected(&self, issue: &Issue, asked_at: u64) -> bool {
        let of = (issue.grant, issue.access.key.clone(), issue.access.generation);
        self.rejected.get(&of).is_some_and(|at| at + NOTICED_WITHIN < asked_at)
    }
}
