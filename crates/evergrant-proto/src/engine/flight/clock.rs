//! The wall clock, which somebody may set while the store is asked.

use crate::{
    time::{Moment, Now},
    transaction::{Claimed, deadlines},
};

/// Whether the wall clock was set between the question and the answer: what was waited for by that clock may have been taken
/// for what a clock that was set back since had left, or for what somebody with the clock of now has only begun to wait for.
pub(super) fn clock_was_set(claimed: &Claimed, asked_at: Moment, now: Now) -> bool {
    let attempt = claimed.grant.attempts.iter().find(|attempt| attempt.id == claimed.attempt);
    let Some(asked) = attempt.map(|attempt| attempt.journalled_at) else { return false };
    let (ahead, behind) = (now.wall.since(asked), asked.since(now.wall));
    ahead > now.moment.since(asked_at) + deadlines::CLOCK_TOLERANCE || behind > deadlines::CLOCK_TOLERANCE
}
