//! After a store was adopted: its refresh tokens may be old.
//!
//! A backup brings back refresh tokens that were spent since, and a strict provider ends the grant of each one that is
//! presented. So the grants of a client come back one at a time, the next only when the outcome of the one before is
//! known, and with a pause. Where the provider can be asked about a token without spending it (RFC 7662), it is. When it
//! refuses one after the other, or calls them inactive, the rest is left alone until somebody needs it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    grant::StoreTime,
    name::{AttemptId, GrantId},
    time::{Timestamp, share},
    transaction::deadlines,
};

/// Pause after a probe that told nothing against the next.
const PAUSE: Duration = Duration::from_secs(5);

/// Pause after a probe that was refused.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// So many refusals in a row show that the store holds old tokens: no more are presented ahead of time.
const REFUSALS_ENOUGH: u8 = 2;

/// While a client's grants are left alone, the scheduler looks at each this often.
const LEFT_ALONE: Duration = Duration::from_secs(60 * 60);

/// The grants that wait for their turn are looked at over this time, each at a point of its own.
const SPREAD: Duration = Duration::from_secs(5 * 60);

/// What the probes of one client have brought since the store was adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Probation {
    /// The adoption that this is about; another one begins anew.
    pub adoption: u64,
    /// The grant whose turn it is.
    pub turn: Option<Turn>,
    /// No probe ahead of time before this.
    pub next_at: Option<Timestamp>,
    /// Probes in a row that were refused.
    pub refusals: u8,
}

/// The grant that is being probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The grant.
    pub grant: GrantId,
    /// Its newest request.
    pub attempt: AttemptId,
    /// When the request counts as lost.
    pub flies_until: StoreTime,
    /// When the turn ends although no outcome is known.
    pub ends: StoreTime,
}

/// A grant that would be presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The grant.
    pub grant: GrantId,
    /// The request.
    pub attempt: AttemptId,
    /// Somebody waits for it.
    pub needed: bool,
}

/// How a probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeEnd {
    /// Tokens came.
    Accepted,
    /// The provider refused the grant, or called its refresh token inactive.
    Refused,
    /// The refresh token may be spent: the same grant goes on.
    Unknown,
    /// Nothing was learned about the refresh token.
    Inconclusive,
}

impl Probation {
    /// The probation of this adoption.
    #[must_use]
    pub fn of(self, adoption: u64) -> Self {
        if self.adoption == adoption { self } else { Self { adoption, ..Self::default() } }
    }

    /// Whether no grant has been probed.
    pub fn is_unbegun(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the scheduler leaves the client's unproven grants alone.
    pub fn is_halted(&self) -> bool {
        self.refusals >= REFUSALS_ENOUGH && !sabotaged!(ForgetRefusedProbes)
    }

    /// Whether an unproven grant may be presented now; notes its turn if so. `Err`: not before this time.
    pub fn admit(&mut self, candidate: Candidate, wall: Timestamp, now: StoreTime) -> Result<(), Timestamp> {
        let Candidate { grant, attempt, needed } = candidate;
        if let Some(until) = self.obstacle(grant, needed, wall, now) {
            return Err(until);
        }
        let (flies_until, ends) = (now.plus(deadlines::LEASE), now.plus(deadlines::OWNER_WAIT));
        self.turn = Some(Turn { grant, attempt, flies_until, ends });
        Ok(())
    }

    fn obstacle(&self, grant: GrantId, needed: bool, wall: Timestamp, now: StoreTime) -> Option<Timestamp> {
        let later = |pause: Duration| Some(wall.plus(pause + share(SPREAD, grant.draw())));
        let other = self.turn.filter(|turn| turn.grant != grant);
        if other.is_some_and(|turn| !now.is_past(turn.flies_until)) {
            return if needed { Some(wall.plus(Duration::from_secs(1))) } else { later(PAUSE) };
        }
        if needed || (self.turn.is_some() && other.is_none()) {
            return None;
        }
        if other.is_some_and(|turn| !now.is_past(turn.ends)) {
            return later(PAUSE);
        }
        if self.is_halted() {
            return later(LEFT_ALONE);
        }
        // A wall clock that was set back must not freeze the probes, and a claim that a slow store kept waiting is no sign
        // of that: a few pauses bound the wait.
        let pausing = self.next_at.is_some_and(|at| at > wall && at <= wall.plus(PAUSE_AFTER_REFUSAL * 3));
        pausing.then(|| later(PAUSE)).flatten()
    }

    /// A request ended. Anything but the one of this turn is ignored.
    pub fn concluded(&mut self, attempt: AttemptId, end: ProbeEnd, wall: Timestamp, now: StoreTime) {
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.attempt == attempt) else { return };
        if end == ProbeEnd::Unknown {
            turn.flies_until = now;
            return;
        }
        self.turn = None;
        self.refusals = match end {
            ProbeEnd::Accepted => 0,
            ProbeEnd::Refused => self.refusals.saturating_add(1),
            ProbeEnd::Unknown | ProbeEnd::Inconclusive => self.refusals,
        };
        let pause = if end == ProbeEnd::Refused { PAUSE_AFTER_REFUSAL } else { PAUSE };
        self.next_at = Some(wall.plus(pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::BootId;

    fn on(seconds: u64) -> (Timestamp, StoreTime) {
        let wall = Timestamp::from_seconds(i64::try_from(seconds).unwrap());
        (wall, StoreTime { boot: BootId(1), milliseconds: seconds * 1000 })
    }

    fn ask(probation: &mut Probation, grant: u128, needed: bool, at: u64) -> bool {
        let (wall, now) = on(at);
        let candidate = Candidate { grant: GrantId(grant), attempt: AttemptId(grant), needed };
        probation.admit(candidate, wall, now).is_ok()
    }

    fn end(probation: &mut Probation, grant: u128, end: ProbeEnd, at: u64) {
        let (wall, now) = on(at);
        probation.concluded(AttemptId(grant), end, wall, now);
    }

    #[test]
    fn the_next_waits_for_the_outcome_of_the_one_before_and_for_a_pause() {
        let mut probation = Probation::default();
        assert!(ask(&mut probation, 1, false, 0));
        assert!(!ask(&mut probation, 2, false, 30), "the first has no outcome");
        end(&mut probation, 1, ProbeEnd::Accepted, 31);
        assert!(!ask(&mut probation, 2, false, 32), "no pause");
        assert!(ask(&mut probation, 2, false, 36));
    }

    #[test]
    fn a_grant_whose_outcome_is_unknown_keeps_its_turn_for_a_while() {
        let mut probation = Probation::default();
        assert!(ask(&mut probation, 1, false, 0));
        end(&mut probation, 1, ProbeEnd::Unknown, 10);
        assert!(!ask(&mut probation, 2, false, 20));
        assert!(ask(&mut probation, 1, false, 20), "its own repetition");
        end(&mut probation, 1, ProbeEnd::Unknown, 21);
        assert!(ask(&mut probation, 2, false, 20 + 601), "not for ever");
    }

    #[test]
    fn after_two_refusals_the_rest_is_left_alone_until_somebody_needs_it() {
        let mut probation = Probation::default();
        for (grant, at) in [(1, 0), (2, 100)] {
            assert!(ask(&mut probation, grant, false, at));
            end(&mut probation, grant, ProbeEnd::Refused, at + 1);
        }
        assert!(probation.is_halted());
        assert!(!ask(&mut probation, 3, false, 100_000));
        assert!(ask(&mut probation, 3, true, 100_000));
        end(&mut probation, 3, ProbeEnd::Accepted, 100_001);
        assert!(ask(&mut probation, 4, false, 100_010), "one that works ends it");
    }

    #[test]
    fn whoever_is_needed_waits_for_a_request_under_way_and_for_nothing_else() {
        let mut probation = Probation::default();
        assert!(ask(&mut probation, 1, false, 0));
        assert!(!ask(&mut probation, 2, true, 1));
        end(&mut probation, 1, ProbeEnd::Refused, 2);
        assert!(ask(&mut probation, 2, true, 2));
    }

    #[test]
    fn a_process_that_ended_in_the_middle_does_not_keep_the_turn() {
        let mut probation = Probation::default();
        assert!(ask(&mut probation, 1, false, 0));
        assert!(ask(&mut probation, 2, true, 61));
        let again = Probation { adoption: 1, ..probation }.of(2);
        assert_eq!(again, Probation { adoption: 2, ..Probation::default() });
    }
}
