//! What the clock of a rehearsal answers.

use std::time::Duration;

use evergrant::clock::FollowedClock;

use crate::http_text::Message;

/// Whatever time is shown, it can be printed and counted on from.
pub(super) fn followed(bytes: &[u8]) {
    let response = Message::of(bytes).into_response();
    let status = response.status;
    let Ok(now) = FollowedClock::shown_after(&response) else { return };
    assert_eq!(status, 200, "a clock that says that it has no time");
    for passed in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
        let (wall, moment) = (now.wall.plus(passed), now.moment.plus(passed));
        assert!(wall >= now.wall && moment >= now.moment, "time went back: {wall:?} {moment:?}");
        assert!(!wall.to_string().is_empty());
    }
}
