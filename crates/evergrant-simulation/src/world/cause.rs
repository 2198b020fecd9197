//! What is said of a grant that was given up: whether it is true, or leaves room for the truth.

use evergrant_proto::{
    diagnosis::{Cause, Certainty, Diagnosis},
    grant::{
        Attempt, Credential, GrantRecord,
        Outcome::{Failed, Refused},
    },
};
use evergrant_rehearse::{Fingerprint, JournalEntry, Outcome};

use super::{
    World,
    truth::{ENDS, Truth},
};
use crate::{Invariant, PresentationEnd};

/// Among how many candidates the truth has to be.
const CANDIDATES: usize = 3;

/// What is counted in the place of a cause where nobody can tell whether what is said is true.
pub const NOT_JUDGED: &str = "not judged";

/// What is counted in the place of a cause where a loss is called likely, and there was none.
pub const SUPPOSED_LOST: &str = "supposed to be lost";

impl World {
    /// Invariants 2 and 3: the cause is the truth, or leaves room for it. First without any excuse.
    pub(super) fn judge_cause(&mut self, grant: &GrantRecord, diagnosis: &Diagnosis) {
        let Some(held) = &grant.credential else { return };
        let token = Fingerprint::of(held.refresh_token.expose());
        let Some(truth) = self.truth(grant, &token) else { return self.count_death(NOT_JUDGED) };
        let said = Said::of(diagnosis);
        let possible = self.may_have_been_lost(grant, held, &said, &truth);
        if self.is_true(grant, &token, &said, &truth, possible) {
            return truth.names.first().into_iter().for_each(|name| self.count_death(name.as_str()));
        }
        if let Some(excuse) = self.excuse(grant, held, &said, &truth, possible) {
            return self.count_death(excuse);
        }
        let evidence = format!(
            "grant {} died of {:?}, and is said to have died of {:?} ({:?}; {:?}), because: {}",
            grant.id,
            truth.names,
            diagnosis.cause,
            diagnosis.certainty,
            diagnosis.alternatives,
            diagnosis.evidence.join(" ")
        );
        self.judge.object(Invariant::TrueCause, self.now, evidence);
    }

    fn is_true(
        &self,
        grant: &GrantRecord,
        token: &Fingerprint,
        said: &Said,
        truth: &Truth,
        possible: bool,
    ) -> bool {
        let named = truth.names.contains(&said.cause);
        // The newest may have been lost, and what died last was older, and tried in its place.
        let newer_lost = || self.newer(grant).any(|token| self.was_lost(&Fingerprint::of(token)));
        match said.cause {
            _ if said.undetermined => named || said.has_room_for(&truth.names) && !truth.journal_decides,
            Cause::LostRotationNotPersisted => possible && (self.was_lost(token) || newer_lost()),
            _ => named,
        }
    }

    /// What is counted where our records cannot know better; `None` if they can.
    fn excuse(
        &self,
        grant: &GrantRecord,
        held: &Credential,
        said: &Said,
        truth: &Truth,
        possible: bool,
    ) -> Option<&'static str> {
        let misdated = said.uncertain && truth.misdated;
        // What a backup does not hold is lost as well, and its journal says nothing of doubts.
        let doubted = self.was_doubted(grant, held) || self.judge.was_restored();
        let never_worked = said.ranked.contains(&Cause::TokenIssuedToOtherClient);
        // What only may have run out takes no place from others: whether it was used since, nobody knows. Nor does what may have
        // come to the wrong client, and has never worked here.
        let unsure = |cause: &Cause| {
            *cause == Cause::TokenIssuedToOtherClient || (misdated || doubted) && ENDS.contains(cause)
        };
        let has_room =
            said.without(|cause| unsure(cause) && !truth.names.contains(cause)).has_room_for(&truth.names);
        // A refusal after an unknown outcome is `likely` this (DESIGN, step 8); whether the lost request was
        // processed, or somebody revoked, nobody here can know.
        let lost = said.cause == Cause::LostRotationNotPersisted;
        if lost && has_room && possible && (doubted || self.is_newer_in_doubt(grant)) {
            return Some(SUPPOSED_LOST);
        }
        let of_an_end = ENDS.contains(&said.cause) || truth.names.iter().any(|name| ENDS.contains(name));
        let unknowable = misdated || doubted || never_worked;
        let open = said.undetermined && has_room && !truth.journal_decides && unknowable;
        (misdated && of_an_end || open).then_some(NOT_JUDGED)
    }

    /// Whether an answer that was lost can have cost the token, by what is known of the provider and was known at the refusal.
    fn may_have_been_lost(&self, grant: &GrantRecord, held: &Credential, said: &Said, truth: &Truth) -> bool {
        let refused =
            self.attempts_of_now(grant).filter(|attempt| matches!(attempt.outcome, Some(Refused { .. })));
        let refused = refused.filter_map(|attempt| self.judge.recorded_as(attempt.id)).min();
        // What was recorded later was in doubt when the refusal was judged.
        let counts = |attempt: &&Attempt| {
            !matches!(attempt.outcome, Some(Failed { .. })) || self.judge.recorded_as(attempt.id) >= refused
        };
        let attempts: Vec<_> = self.attempts_of_now(grant).filter(counts).collect();
        let token = held.refresh_token.expose();
        // Records that were made by a clock that somebody set say nothing of windows.
        let misdated = said.uncertain && truth.misdated && self.scene.known.window.is_some();
        // Of those that died before it, the attempts are not told apart here.
        let several = || self.newer(grant).count() > 1;
        misdated
            || truth.names.contains(&said.cause)
            || self.judge.may_cost_the_token(grant, token, &attempts, (self.now, self.wall()))
            || several()
    }

    fn attempts_of_now(&self, grant: &GrantRecord) -> impl Iterator<Item = &Attempt> {
        let generation = grant.generation;
        self.store.attempts(grant.id).filter(move |attempt| attempt.generation == generation)
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
        self.attempts_of_now(grant).any(Attempt::is_doubtful)
            || self.is_unsettled(held.refresh_token.expose())
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

/// What a diagnosis says.
struct Said {
    cause: Cause,
    /// The cause, and what else it could be.
    ranked: Vec<Cause>,
    uncertain: bool,
    undetermined: bool,
}

impl Said {
    fn of(diagnosis: &Diagnosis) -> Self {
        let Diagnosis { cause, certainty, .. } = *diagnosis;
        Self {
            cause,
            ranked: [cause].into_iter().chain(diagnosis.alternatives.iter().copied()).collect(),
            uncertain: certainty != Certainty::Certain,
            undetermined: cause == Cause::Undetermined || certainty == Certainty::Possible,
        }
    }

    /// The same without some of the candidates.
    fn without(&self, unsure: impl Fn(&Cause) -> bool) -> Self {
        let ranked = self.ranked.iter().copied().filter(|cause| !unsure(cause)).collect();
        Self { ranked, ..*self }
    }

    /// Whether the truth is among the first candidates.
    fn has_room_for(&self, truth: &[Cause]) -> bool {
        let candidates = self.ranked.iter().filter(|cause| **cause != Cause::Undetermined);
        self.uncertain && candidates.take(CANDIDATES).any(|cause| truth.contains(cause))
    }
}
