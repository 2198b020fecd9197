//! Grants that were given up: whether nothing could have kept them, and whether what is said of it is true.

use std::time::Duration;

use evergrant_proto::{
    diagnosis::{Cause, Certainty, Diagnosis},
    grant::{
        Attempt, Credential, GrantRecord, GrantState,
        Outcome::{Failed, Refused},
    },
    provider::RotationKind,
    transaction::Command,
};
use evergrant_rehearse::{Fingerprint, JournalEntry, Outcome, Reason};

use super::{World, truth::ENDS};
use crate::{Invariant, PresentationEnd, judge::OWNER_WAIT};

/// Among how many candidates the truth has to be.
const CANDIDATES: usize = 3;

/// What is counted in the place of a cause where nobody can tell whether what is said is true.
pub const NOT_JUDGED: &str = "not judged";

/// What is counted in the place of a cause where a loss is called likely, and there was none.
pub const SUPPOSED_LOST: &str = "supposed to be lost";

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

    /// Invariants 2 and 3: the cause is the truth, or leaves room for it.
    fn judge_cause(&mut self, grant: &GrantRecord, diagnosis: &Diagnosis) {
        let Some(held) = &grant.credential else { return };
        let token = Fingerprint::of(held.refresh_token.expose());
        let Some(truth) = self.truth(grant, &token) else { return self.count_death(NOT_JUDGED) };
        let cause = diagnosis.cause;
        let mut ranked: Vec<_> = [cause].into_iter().chain(diagnosis.alternatives.iter().copied()).collect();
        let uncertain = diagnosis.certainty != Certainty::Certain;
        let has_room = uncertain && has_candidate(&ranked, &truth.names);
        let undetermined = cause == Cause::Undetermined || diagnosis.certainty == Certainty::Possible;
        let named = truth.names.contains(&cause);
        // Records that were made by a clock that somebody set say nothing of ages.
        let misdated = uncertain && truth.misdated;
        let of_now = |attempt: &&Attempt| attempt.generation == grant.generation;
        let attempts: Vec<_> = self.store.attempts(grant.id).filter(of_now).collect();
        let refused = attempts.iter().filter(|attempt| matches!(attempt.outcome, Some(Refused { .. })));
        let refused = refused.filter_map(|attempt| self.judge.recorded_as(attempt.id)).min();
        // What was recorded later was in doubt when the refusal was judged.
        let counts = |attempt: &&&Attempt| {
            !matches!(attempt.outcome, Some(Failed { .. })) || self.judge.recorded_as(attempt.id) >= refused
        };
        let attempts: Vec<_> = attempts.iter().copied().filter(|attempt| counts(&attempt)).collect();
        let cost = self.judge.may_cost_the_token(
            grant,
            held.refresh_token.expose(),
            &attempts,
            (self.now, self.wall()),
        );
        let windowed = self.scene.known.window.is_some();
        // Of those that died before it, the attempts are not told apart here.
        let possible = cost || named || misdated && windowed || self.newer(grant).count() > 1;
        // The newest may have been lost, and what died last was older, and tried in its place.
        let newer_lost = || self.newer(grant).any(|token| self.was_lost(&Fingerprint::of(token)));
        let is_true = match cause {
            _ if undetermined => named || has_room && !truth.journal_decides,
            Cause::LostRotationNotPersisted => possible && (self.was_lost(&token) || newer_lost()),
            _ => named,
        };
        if is_true {
            return truth.names.first().into_iter().for_each(|name| self.count_death(name.as_str()));
        }
        // What a backup does not hold is lost as well, and its journal says nothing of doubts.
        let doubted = self.was_doubted(grant, held) || self.judge.was_restored();
        // What only may have run out takes no place from others: whether it was used since, nobody knows. Nor does what may have
        // come to the wrong client, and has never worked here.
        let never_worked = ranked.contains(&Cause::TokenIssuedToOtherClient);
        let unsure = |cause: &Cause| {
            *cause == Cause::TokenIssuedToOtherClient || (misdated || doubted) && ENDS.contains(cause)
        };
        ranked.retain(|cause| !unsure(cause) || truth.names.contains(cause));
        let has_room = uncertain && has_candidate(&ranked, &truth.names);
        // A refusal after an unknown outcome is `likely` this (DESIGN, step 8); whether the lost request was
        // processed, or somebody revoked, nobody here can know.
        let lost = cause == Cause::LostRotationNotPersisted;
        if lost && has_room && possible && (doubted || self.is_newer_in_doubt(grant)) {
            return self.count_death(SUPPOSED_LOST);
        }
        if misdated && (ENDS.contains(&cause) || truth.names.iter().any(|name| ENDS.contains(name))) {
            return self.count_death(NOT_JUDGED);
        }
        if undetermined && has_room && !truth.journal_decides && (misdated || doubted || never_worked) {
            return self.count_death(NOT_JUDGED);
        }
        let evidence = format!(
            "grant {} died of {:?}, and is said to have died of {cause:?} ({:?}; {:?}), because: {}",
            grant.id,
            truth.names,
            diagnosis.certainty,
            diagnosis.alternatives,
            diagnosis.evidence.join(" ")
        );
        self.judge.object(Invariant::TrueCause, self.now, evidence);
    }

    fn count_death(&mut self, of: &str) {
        *self.deaths.entry(of.to_owned()).or_default() += 1;
    }

    /// Whether the provider exchanged this token for one that we never held durably.
    fn was_lost(&self, token: &Fingerprint) -> bool {
        let ours = |entry: &&JournalEntry| !self.borrowed.contains_key(&entry.seq);
        let done = |entry: &&JournalEntry| {
            entry.presented.as_ref() == Some(token) && entry.outcome == Outcome::Done && ours(entry)
        };
        let issued = self.party.provider.journal(0).filter(done).filter_map(|entry| entry.issued.as_ref());
        let mut issued = issued.filter(|issued| *issued != token);
        issued.any(|issued| !self.judge.held(issued))
    }

    /// The refresh tokens of a grant that were refused since its last success.
    pub(super) fn newer(&self, grant: &GrantRecord) -> impl Iterator<Item = &str> {
        let since = self.judge.last_tokens(grant.id);
        self.judge.tokens_of(grant.id).filter(move |token| {
            let mut presentations = self.judge.presentations_of(token);
            presentations.any(|one| one.end == Some(PresentationEnd::Dead) && Some(one.sent_at) > since)
        })
    }

    /// Whether one of them was in doubt. A refusal that nobody has written down yet is in doubt as well.
    pub(super) fn is_newer_in_doubt(&self, grant: &GrantRecord) -> bool {
        let doubtful =
            self.newer(grant).count() > 1 && self.store.attempts(grant.id).any(Attempt::is_doubtful);
        doubtful || self.newer(grant).any(|token| self.is_unsettled(token))
    }

    /// Whether another attempt of the generation was in doubt when it was presented, by what was known then: a loss is as
    /// likely as a revocation.
    fn was_doubted(&self, grant: &GrantRecord, held: &Credential) -> bool {
        let of_now = |attempt: &&Attempt| attempt.generation == grant.generation;
        let mut attempts = self.store.attempts(grant.id).filter(of_now);
        attempts.any(Attempt::is_doubtful) || self.is_unsettled(held.refresh_token.expose())
    }

    /// Whether a presentation of this token was not refused, and is in doubt. What was provably not processed is in none, once
    /// that is on record.
    fn is_unsettled(&self, token: &str) -> bool {
        self.judge.presentations_of(token).any(|one| match one.end {
            Some(PresentationEnd::Dead) => false,
            Some(PresentationEnd::NotProcessed) => !self.judge.is_recorded(one),
            _ => true,
        })
    }
}

/// Whether the truth is among the first candidates.
fn has_candidate(ranked: &[Cause], truth: &[Cause]) -> bool {
    let candidates = ranked.iter().filter(|cause| **cause != Cause::Undetermined);
    candidates.take(CANDIDATES).any(|cause| truth.contains(cause))
}

fn text(credential: &Credential) -> String {
    credential.refresh_token.expose().to_owned()
}
