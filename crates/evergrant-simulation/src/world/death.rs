//! Grants that were given up: whether nothing could have kept them.

use std::time::Duration;

use evergrant_proto::{
    grant::{Attempt, Credential, GrantRecord, GrantState},
    provider::RotationKind,
    transaction::Command,
};
use evergrant_rehearse::{Fingerprint, JournalEntry, Outcome, Reason};

use super::World;
use crate::{Invariant, judge::OWNER_WAIT};

impl World {
    /// A grant is dead. Judged once for each generation, and again at the end.
    pub(super) fn judge_death(&mut self, grant: &GrantRecord, command: &Command) {
        if self.dead.insert(grant.id, grant.generation) == Some(grant.generation) {
            return;
        }
        self.judge_haste(grant, command);
        if !grant.spares.is_empty() {
            let evidence = format!("grant {} is given up, and a spare was never tried", grant.id);
            self.judge.object(Invariant::NothingLost, self.now, evidence);
        }
        self.judge_loss(grant);
        if let GrantState::NeedsReauthorization { diagnosis } = &grant.state {
            self.judge_cause(grant, diagnosis);
        }
    }

    /// A refusal is terminal only while nobody else can bring a success of the same generation (DESIGN, step 7).
    fn judge_haste(&mut self, grant: &GrantRecord, command: &Command) {
        let own = match command {
            Command::Claim(claim) => Some(claim.holder),
            command => {
                let attempt = command.attempt().and_then(|id| self.store.attempt_of(grant.id, id));
                attempt.map(|attempt| attempt.holder)
            }
        };
        let waited_for = |attempt: &&Attempt| {
            let since = Duration::from_millis(self.now.saturating_sub(attempt.journalled_on.milliseconds));
            attempt.is_open()
                && attempt.generation == grant.generation
                && Some(attempt.holder) != own
                && !self.store.has_ended(attempt.holder)
                && since < OWNER_WAIT
        };
        if let Some(open) = self.store.attempts(grant.id).find(waited_for) {
            let evidence =
                format!("grant {} is given up while attempt {} may still succeed", grant.id, open.id);
            self.judge.object(Invariant::NothingLost, self.now, evidence);
        }
    }

    /// Invariant 2: nothing that is durably held would be accepted.
    pub(crate) fn judge_loss(&mut self, grant: &GrantRecord) {
        let held = grant.credential.iter().map(|credential| ("the row", credential));
        // Where a token works until its successor has been used, that of a successor that was refused does.
        let outlives = self.scene.known.kind == RotationKind::UntilSuccessorUsed;
        let before = grant.predecessor.iter().filter(|_| outlives);
        let before = before.map(|credential| ("the row's predecessor", credential));
        let spares = grant.spares.iter().map(|spare| ("a spare", &spare.credential));
        let rows = held.chain(before).chain(spares).map(|(place, held)| (place, text(held)));
        let mut tokens: Vec<(&str, String)> = rows.collect();
        for command in self.store.replayable() {
            if let Command::Succeed(succeed) = command
                && succeed.grant == grant.id
                && let Some(token) = &succeed.issued.refresh_token
                && self
                    .store
                    .attempt_of(grant.id, succeed.attempt)
                    .is_some_and(|attempt| attempt.generation >= grant.lineage_start)
            {
                tokens.push(("the lifeboat", token.expose().to_owned()));
            }
        }
        if outlives && !self.judge.was_restored() {
            // What has been presented since somebody signed in last is not put away while it works.
            let of_now = |token: &&str| {
                let mut presentations = self.judge.presentations_of(token);
                presentations.any(|one| one.generation >= Some(grant.lineage_start))
            };
            let before = self.judge.tokens_of(grant.id).filter(of_now);
            tokens.extend(before.map(|token| ("what was put away", token.to_owned())));
        }
        for (place, token) in tokens {
            if self.works(&token) && !self.was_suspended(&token) {
                let evidence = format!(
                    "grant {} is dead in generation {}, and the credential in {place} would be accepted",
                    grant.id, grant.generation.0
                );
                self.judge.object(Invariant::NothingLost, self.now, evidence);
            }
        }
    }

    /// Whether it was refused since the account was disabled: that it was enabled again, nobody tells us.
    fn was_suspended(&self, token: &str) -> bool {
        let token = Fingerprint::of(token);
        let refused = |entry: &&JournalEntry| {
            entry.presented.as_ref() == Some(&token) && entry.outcome == Outcome::Refused
        };
        let latest = self.party.provider.journal(0).filter(refused).last();
        latest.is_some_and(|entry| entry.reason == Some(Reason::UserDisabled))
    }
}

fn text(credential: &Credential) -> String {
    credential.refresh_token.expose().to_owned()
}
