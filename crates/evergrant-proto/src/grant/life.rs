//! How long a grant lives, as far as anybody has said, and what is done about it in time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::{Timestamp, share};

/// The warning before an end comes this early, or a tenth of the grant's life if that is less.
const WARNING: Duration = Duration::from_secs(7 * 86_400);

/// A keep-alive comes at least this early where the idle life is at least twice as long: an outage, or a weekend's
/// first half, must not cost the grant.
const DAY: Duration = Duration::from_secs(86_400);

/// An idle life below this is not kept alive for its own sake: a provider that announces seconds must not cause a
/// request every few seconds.
const SHORTEST_IDLE: Duration = Duration::from_secs(5 * 60);

/// What is known of a grant's end, and what follows from it. Ends are upper bounds: users and administrators end grants
/// at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Life {
    /// When this authorization was given. Of an imported refresh token: when it was imported, which is later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorized_at: Option<Timestamp>,
    /// The announced end of the refresh token, if the last refresh did not move it: using the token does not help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_end: Option<Timestamp>,
    /// When the whole authorization ends at the latest, however often it is used; `None`: nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// When the warning of `ends_at` is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_at: Option<Timestamp>,
    /// When the warning was given: once for one authorization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warned_at: Option<Timestamp>,
    /// When the refresh token is to be used although nobody needs an access token, since the provider ends it unused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive_at: Option<Timestamp>,
    /// How often the store had been adopted when the refresh token came: one that is older may have been spent by
    /// whoever went on with the original.
    #[serde(skip_serializing_if = "is_zero")]
    pub adoption: u64,
}

impl Life {
    /// Of an authorization that was given at this time, in a store that was adopted so often.
    pub fn beginning(at: Timestamp, adoption: u64) -> Self {
        Self { authorized_at: Some(at), adoption, ..Self::default() }
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the refresh token has to be used now.
    pub fn asks_for_keep_alive(&self, wall: Timestamp) -> bool {
        self.keep_alive_at.is_some_and(|at| at <= wall)
    }

    /// Whether the end is so close that somebody should know.
    pub fn ends_soon(&self, wall: Timestamp) -> bool {
        self.warn_at.is_some_and(|at| at <= wall)
    }

    /// Whether an end is ahead and the warning of it has been given.
    pub fn has_warned(&self) -> bool {
        self.ends_at.is_some() && self.warned_at.is_some()
    }

    /// When the warning is still to be given.
    pub fn pending_warning(&self) -> Option<Timestamp> {
        self.warn_at.filter(|_| self.warned_at.is_none())
    }

    /// Whether so much time between two refreshes tells whether using the token moves its end.
    pub fn can_tell(passed: Duration) -> bool {
        passed >= SHORTEST_IDLE
    }

    /// Notes the end that was announced for the refresh token before and after a refresh. It counts as fixed if it moved by
    /// less than half of the time that had passed, and enough time had passed to tell.
    pub fn note_ends(&mut self, before: Option<Timestamp>, after: Option<Timestamp>, passed: Duration) {
        let (Some(before), Some(after)) = (before, after) else { return };
        if Self::can_tell(passed) {
            self.fixed_end = (after.since(before) < passed / 2).then_some(after);
        } else if self.fixed_end.is_some() {
            self.fixed_end = Some(after);
        }
    }

    /// Sets the end and when to warn of it.
    pub fn set_end(&mut self, end: Option<Timestamp>, began: Timestamp) {
        self.ends_at = end;
        self.warn_at = end.map(|end| end.minus(WARNING.min(end.since(began) / 10)));
    }
}

/// When a refresh token that was used at `used` and ends unused at `end` is to be used again: a fifth of the time before its
/// end, a day where that leaves half of it, and by `draw` up to half as much earlier, so that a million grants do not
/// come due together. `None`: its life is too short for that.
pub fn keep_alive_at(used: Timestamp, end: Timestamp, draw: u16) -> Option<Timestamp> {
    let idle = end.since(used);
    if idle < SHORTEST_IDLE {
        return None;
    }
    let lead = if idle >= DAY * 2 { (idle / 5).max(DAY) } else { idle / 5 };
    let spread = share(lead / 2, draw);
    Some(end.minus(lead + spread))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: u64 = 86_400;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(i64::try_from(seconds).unwrap())
    }

    #[test]
    fn a_month_unused_is_prevented_six_to_nine_days_before() {
        assert_eq!(keep_alive_at(at(0), at(30 * DAYS), 0), Some(at(24 * DAYS)));
        assert_eq!(keep_alive_at(at(0), at(30 * DAYS), u16::MAX), Some(at(21 * DAYS)));
    }

    #[test]
    fn a_keep_alive_comes_a_day_early_where_half_of_the_life_is_left_then() {
        assert_eq!(keep_alive_at(at(0), at(3 * DAYS), 0), Some(at(2 * DAYS)));
        assert_eq!(keep_alive_at(at(0), at(DAYS), 0), Some(at(DAYS / 5 * 4)));
        assert_eq!(keep_alive_at(at(0), at(30 * 60), 0), Some(at(24 * 60)));
    }

    #[test]
    fn an_end_beyond_all_time_is_an_end_like_any_other() {
        for draw in [0, 1, 20_001, u16::MAX] {
            let asked = keep_alive_at(at(0), Timestamp(i64::MAX), draw);
            assert!(asked.is_some_and(|asked| asked > at(365 * DAYS)), "{draw}");
        }
    }

    #[test]
    fn an_end_that_does_not_move_causes_a_handful_of_requests_and_no_more() {
        let (mut used, end, mut requests) = (at(0), at(30 * DAYS), 0);
        while let Some(next) = keep_alive_at(used, end, u16::MAX) {
            assert!(next.since(used) >= Duration::from_secs(60), "{requests}");
            used = next;
            requests += 1;
        }
        assert!(requests <= 20, "{requests}");
    }

    #[test]
    fn an_end_is_fixed_when_a_refresh_does_not_move_it() {
        let mut life = Life::default();
        let (day, later) = (Duration::from_secs(DAYS), at(31 * DAYS));
        life.note_ends(Some(at(30 * DAYS)), Some(later), day);
        assert_eq!(life.fixed_end, None);
        life.note_ends(Some(later), Some(at(31 * DAYS + 1)), day);
        assert_eq!(life.fixed_end, Some(at(31 * DAYS + 1)));
        // Two refreshes within a minute tell nothing.
        let mut hasty = Life::default();
        hasty.note_ends(Some(later), Some(later), Duration::from_secs(60));
        assert_eq!(hasty.fixed_end, None);
    }

    #[test]
    fn the_warning_comes_a_week_early_or_after_nine_tenths_of_a_shorter_life() {
        let mut life = Life::beginning(at(0), 0);
        life.set_end(Some(at(365 * DAYS)), at(0));
        assert_eq!(life.warn_at, Some(at(358 * DAYS)));
        life.set_end(Some(at(10 * DAYS)), at(0));
        assert!(!life.ends_soon(at(9 * DAYS - 1)) && life.ends_soon(at(9 * DAYS)));
    }

    #[test]
    fn what_is_unknown_takes_no_room_in_a_record() {
        assert_eq!(serde_json::to_string(&Life::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Life>("{}").unwrap(), Life::default());
    }
}
