//! What was brought is kept, and what was rejected is not handed out.

use evergrant_proto::{
    diagnosis::PreviousOutcome,
    engine::Issue,
    grant::{Attempt, GrantRecord, GrantState, Outcome},
    secret::AccessToken,
    transaction::{Command, Reject, Seen, Succeed},
};

use super::{Judge, Presentation};
use crate::Invariant;

/// Other processes serve from memory what they learned of the store no longer ago than this.
const NOTICED_WITHIN: u64 = 1_000;

/// What a resource server answered 401 to.
#[derive(Debug)]
pub(super) struct Rejected {
    /// When that was durable.
    since: u64,
    /// The token; `None` if the store held another one by then.
    token: Option<AccessToken>,
}

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

    /// What a command brings is in the lifeboat, and there to stay.
    pub(crate) fn note_rescue(&mut self, command: &Command) {
        if let Command::Succeed(succeed) = command
            && let Some(access) = &succeed.issued.access
        {
            self.durable.insert(access.token.expose().to_owned());
        }
    }

    /// Nobody is given anything before the refresh that brought it is durable (DESIGN, step 6).
    pub(crate) fn judge_use(&mut self, issue: &Issue, now: u64) {
        if !self.durable.contains(issue.access.token.expose()) {
            let generation = issue.access.generation.0;
            let evidence = format!(
                "a token of generation {generation} of grant {} is used, and durable nowhere",
                issue.grant
            );
            self.object(Invariant::NothingLost, now, evidence);
        }
    }

    /// The outcome of an attempt is in the store. What an heir concludes of a dead process is no record of what happened.
    pub(crate) fn note_outcome(&mut self, attempt: &Attempt) {
        let nothing = matches!(
            attempt.outcome,
            None | Some(Outcome::Unknown { manner: PreviousOutcome::NotRecorded, .. })
        );
        if !nothing {
            self.recorded.entry(attempt.id).or_insert(self.command);
        }
    }

    /// Whether the outcome of this presentation is, or was, in the store.
    pub(crate) fn is_recorded(&self, presentation: &Presentation) -> bool {
        presentation.attempt.is_some_and(|attempt| self.recorded.contains_key(&attempt))
    }

    /// A rejection is durable; `after` is the grant as that left it.
    pub(crate) fn note_rejection(&mut self, command: &Reject, after: Option<&GrantRecord>, now: u64) {
        let Seen::Generation(generation) = command.seen;
        let entry = after.and_then(|grant| grant.access_for(&command.key));
        let token = entry.filter(|entry| entry.generation == generation).map(|entry| entry.token.clone());
        let rejected = Rejected { since: now, token };
        self.rejected.entry((command.grant, command.key.clone(), generation)).or_insert(rejected);
    }

    /// Whether a caller who asked at `asked_at` must not be given this: it had been rejected.
    pub(crate) fn was_rejected(&self, issue: &Issue, asked_at: u64) -> bool {
        let of = (issue.grant, issue.access.key.clone(), issue.access.generation);
        self.rejected.get(&of).is_some_and(|rejected| {
            // What an overtaken success brought has the number of the generation that overtook it.
            let this =
                rejected.token.as_ref().is_none_or(|token| token.expose() == issue.access.token.expose());
            this && rejected.since + NOTICED_WITHIN < asked_at
        })
    }
}
