//! What really happened to a refresh token that was refused, by the provider's own journal, in our words.

use evergrant_proto::{diagnosis::Cause, grant::GrantRecord, time::Timestamp as Wall};
use evergrant_rehearse::{Endpoint, Fingerprint, JournalEntry, Outcome, Reason, RevocationCause};

use super::World;
use crate::Told;

/// By how much our records of ages may be wrong, in seconds: a request is as late as the network makes it.
const IN_TRANSIT: u64 = 120;

/// What happened to a refresh token.
pub(super) struct Truth {
    /// The causes that would name it rightly.
    pub(super) names: Vec<Cause>,
    /// Whether our own journal tells it: the outcome of an attempt of the same generation is unknown, or a life that is known to
    /// us had run out.
    pub(super) journal_decides: bool,
    /// Whether the wall clock, by which ages are reckoned, was set since the grant was made.
    pub(super) misdated: bool,
}

impl World {
    /// Why the provider refused this token, in our words.
    pub(super) fn truth(&self, grant: &GrantRecord, token: &Fingerprint) -> Option<Truth> {
        let refused = |entry: &&JournalEntry| {
            entry.presented.as_ref() == Some(token) && entry.outcome == Outcome::Refused
        };
        let journal: Vec<_> = self.party.provider.journal(0).collect();
        let refusals: Vec<_> = journal.iter().copied().filter(refused).collect();
        let (latest, earlier) = refusals.split_last()?;
        let mut names = self.names_of_refusal(latest, token, &journal)?;
        // Each reason was true when it was given, and which of several refusals is heard last is chance.
        let others = earlier.iter().filter_map(|refusal| self.names_of_refusal(refusal, token, &journal));
        names.extend(others.flatten());
        names.extend(self.names_of_newer(latest, token, &journal));
        let ends = self.ends_of(latest, token, &journal);
        names.extend(ends.iter().copied());
        // Which of two ends is announced, the announcement does not say.
        if self.scene.ends.told == Told::Announced && names.iter().any(|name| ENDS.contains(name)) {
            names.extend(ENDS);
        }
        if names.iter().all(|name| ENDS.contains(name)) && self.ended_early(grant, latest) {
            return None;
        }
        let doubted = self
            .store
            .attempts(grant.id)
            .any(|attempt| attempt.generation == grant.generation && attempt.is_doubtful());
        let lost = names.iter().all(|name| *name == Cause::LostRotationNotPersisted);
        // Whose use it was, nobody could say.
        let newer = self.is_newer_in_doubt(grant)
            && self.newer(grant).any(|held| self.was_borrowed(&Fingerprint::of(held)));
        if newer || (doubted || self.store.adoptions > 0) && self.was_borrowed(token) {
            names.push(Cause::LostRotationNotPersisted);
        }
        let began =
            journal.iter().filter(|entry| is_issue(entry)).find(|entry| entry.family == latest.family);
        let misdated = self.clock_set_at.is_some_and(|set| began.is_none_or(|began| began.at_ms <= set));
        let ended = names.iter().all(|name| ENDS.contains(name)) && self.scene.ends.told != Told::Nowhere;
        let dated = !misdated && !doubted && !self.is_newer_in_doubt(grant) && self.store.adoptions == 0;
        Some(Truth { journal_decides: doubted && lost || ended && dated, misdated, names })
    }

    /// Whether time had ended the token before our records could know: what came late was issued, or used last, before.
    fn ended_early(&self, grant: &GrantRecord, refusal: &JournalEntry) -> bool {
        let ends = self.scene.ends;
        let ago = self.provider_time().since(refusal.at_ms);
        let age = |since: Wall| self.wall().since(since).saturating_sub(ago).as_secs();
        let idle = ends.idle_s.is_none_or(|life| age(grant.last_success_at) < life + IN_TRANSIT);
        let authorized = grant.life.authorized_at.unwrap_or(grant.created_at);
        idle && ends.absolute_s.is_none_or(|life| age(authorized) < life + IN_TRANSIT)
    }

    /// Why the tokens were refused that were tried before this one. It may be a spare, and older than they: that it had
    /// ended, too, is not what the grant died of.
    fn names_of_newer(
        &self,
        latest: &JournalEntry,
        token: &Fingerprint,
        journal: &[&JournalEntry],
    ) -> Vec<Cause> {
        let of_family = |entry: &&&JournalEntry| latest.family.is_some() && entry.family == latest.family;
        let done = |entry: &&&JournalEntry| is_issue(entry);
        let since = journal.iter().filter(of_family).filter(done).map(|entry| entry.seq).max();
        let refused = journal.iter().filter(of_family).filter(|entry| {
            entry.outcome == Outcome::Refused && Some(entry.seq) > since && entry.seq < latest.seq
        });
        let others = refused.filter_map(|entry| Some((entry, entry.presented.as_ref()?)));
        let others = others.filter(|(_, presented)| *presented != token);
        others.filter_map(|(entry, other)| self.names_of_refusal(entry, other, journal)).flatten().collect()
    }

    /// What time would have done to the token by the time of a refusal, whatever the provider named first.
    fn ends_of(&self, refusal: &JournalEntry, token: &Fingerprint, journal: &[&JournalEntry]) -> Vec<Cause> {
        let ends = self.scene.ends;
        let done = |entry: &&&JournalEntry| is_issue(entry) && entry.seq < refusal.seq;
        let of_token = |entry: &&&JournalEntry| {
            entry.presented.as_ref() == Some(token) || entry.issued.as_ref() == Some(token)
        };
        let used = journal.iter().filter(done).rfind(of_token);
        let began = journal.iter().filter(done).find(|entry| entry.family == refusal.family);
        let over = |cause: Cause, since: Option<&&JournalEntry>, life: Option<u64>| {
            let (since, life) = since.zip(life)?;
            let age = refusal.at_ms.since(since.at_ms).as_secs();
            (age + IN_TRANSIT >= life).then_some(cause)
        };
        let idle = over(Cause::RefreshTokenExpiredIdle, used, ends.idle_s);
        let absolute = over(Cause::RefreshTokenExpiredAbsolute, began, ends.absolute_s);
        idle.into_iter().chain(absolute).collect()
    }

    /// Whether somebody else has used this token.
    fn was_borrowed(&self, token: &Fingerprint) -> bool {
        self.borrowed.values().any(|borrowed| borrowed == token)
    }

    /// Our words for one refusal of this token.
    fn names_of_refusal(
        &self,
        refusal: &JournalEntry,
        token: &Fingerprint,
        journal: &[&JournalEntry],
    ) -> Option<Vec<Cause>> {
        Some(match refusal.reason? {
            // A backup brought the spent token back.
            Reason::ReplayedRefreshToken if self.judge.was_brought_back(token) => OVERTAKEN.to_vec(),
            Reason::ReplayedRefreshToken if self.was_borrowed(token) => BORROWED.to_vec(),
            Reason::ReplayedRefreshToken => vec![Cause::LostRotationNotPersisted],
            // A later presentation of its predecessor brought another: that one is lost.
            Reason::SupersededRefreshToken => OVERTAKEN.to_vec(),
            Reason::FamilyRevoked(cause) => {
                let ended = |entry: &&&JournalEntry| {
                    entry.revoked.iter().any(|revoked| Some(revoked.family) == refusal.family)
                };
                let presented = journal.iter().find(ended).and_then(|entry| entry.presented.as_ref());
                if cause == RevocationCause::ReplayedRefreshToken && self.was_borrowed(token) {
                    return Some(BORROWED.to_vec());
                }
                names_of(cause, presented == Some(token) && !self.judge.was_brought_back(token))?
            }
            Reason::ExpiredIdle => vec![Cause::RefreshTokenExpiredIdle],
            Reason::ExpiredAbsolute => vec![Cause::RefreshTokenExpiredAbsolute],
            Reason::UserDisabled => vec![Cause::AccountDisabled],
            _ => return None,
        })
    }
}

/// An older token of ours was presented once more, or a presentation overtook another.
const OVERTAKEN: [Cause; 3] =
    [Cause::LostRotationNotPersisted, Cause::RotatedTokenReused, Cause::ConcurrentRefreshRace];

/// Somebody else has used the token before.
const BORROWED: [Cause; 2] = [Cause::RotatedTokenReused, Cause::ConcurrentRefreshRace];

/// What time does.
pub(super) const ENDS: [Cause; 2] = [Cause::RefreshTokenExpiredIdle, Cause::RefreshTokenExpiredAbsolute];

/// Whether tokens were issued, by a flow or without one.
fn is_issue(entry: &JournalEntry) -> bool {
    matches!(entry.endpoint, Endpoint::Token | Endpoint::Admin) && entry.outcome == Outcome::Done
}

/// Our words for why a family ended. `by_this`: a presentation of the very token that was refused ended it.
fn names_of(cause: RevocationCause, by_this: bool) -> Option<Vec<Cause>> {
    Some(match cause {
        RevocationCause::ReplayedRefreshToken if by_this => vec![Cause::LostRotationNotPersisted],
        RevocationCause::ReplayedRefreshToken => OVERTAKEN.to_vec(),
        RevocationCause::UserRevoked => vec![Cause::UserRevoked],
        RevocationCause::PasswordChanged => vec![Cause::PasswordChanged],
        RevocationCause::Administrator => vec![Cause::AdminOrPolicyRevoked],
        RevocationCause::TokenLimit => vec![Cause::TokenLimitExceeded],
        RevocationCause::UserDeleted => vec![Cause::AccountDisabled],
        _ => return None,
    })
}
