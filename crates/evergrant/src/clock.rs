//! Clocks: the one place where time enters. Everything else takes [`Now`] or waits through a [`Clock`].
//!
//! Three of them: [`SystemClock`] for production, [`ManualClock`] for tests, [`FollowedClock`] for a process
//! that shares the virtual time of a rehearsal.

mod followed;

use std::{fmt, sync::Arc, time::Duration};

use evergrant_proto::time::{Moment, Now, Timestamp};
use futures_util::future::BoxFuture;
use rustix::time::{ClockId, Timespec, clock_gettime};
use tokio::sync::watch;

pub use followed::{FollowedClock, FollowedClockError};

/// Where the engine gets its time from.
///
/// ```
/// use std::time::Duration;
/// use evergrant::clock::{Clock, ManualClock};
/// use evergrant_proto::time::Timestamp;
///
/// let clock = ManualClock::starting_at(Timestamp::from_seconds(1_800_000_000));
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().moment.since(before.moment), Duration::from_secs(60));
/// ```
pub trait Clock: fmt::Debug + Send + Sync {
    /// Both clocks, read together.
    fn now(&self) -> Now;

    /// The suspend-aware clock alone: half the price of [`Clock::now`] where only a deadline is compared.
    fn moment(&self) -> Moment {
        self.now().moment
    }

    /// Completes when [`Clock::moment`] has reached `moment`; at once if it has already.
    fn wait_until(&self, moment: Moment) -> BoxFuture<'static, ()>;
}

/// Linux stops `CLOCK_MONOTONIC` while the machine sleeps.
#[cfg(target_os = "linux")]
const SUSPEND_AWARE: ClockId = ClockId::Boottime;
/// Elsewhere the monotonic clock goes on during sleep.
#[cfg(not(target_os = "linux"))]
const SUSPEND_AWARE: ClockId = ClockId::Monotonic;

/// A timer of tokio stands still while the machine sleeps, so a wait is cut into naps of this length and looks at
/// the suspend-aware clock after each: it ends at most this much late after a resume.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// The clocks of the machine.
///
/// Both are read through the vDSO, without a system call: measured 34 ns for [`Clock::moment`] and 50 ns for
/// [`Clock::now`] on an x86-64 virtual machine, where `Instant::now` took 27 ns.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now { wall: Timestamp(millis(clock_gettime(ClockId::Realtime))), moment: self.moment() }
    }

    fn moment(&self) -> Moment {
        Moment(u64::try_from(millis(clock_gettime(SUSPEND_AWARE))).unwrap_or(0))
    }

    fn wait_until(&self, moment: Moment) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            loop {
                let remaining = moment.since(Self.moment());
                if remaining.is_zero() {
                    return;
                }
                tokio::time::sleep(remaining.min(LONGEST_NAP)).await;
            }
        })
    }
}

fn millis(time: Timespec) -> i64 {
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

/// A clock that stands still until it is told otherwise. Clones share the time; advancing it wakes whoever
/// waits, and nothing ever sleeps.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<watch::Sender<Now>>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Now) -> Self {
        Self { now: Arc::new(watch::Sender::new(now)) }
    }

    /// A clock that shows `wall`; its suspend-aware half starts at an hour, as on a machine that has been up for
    /// one, so that a test may subtract a little.
    pub fn starting_at(wall: Timestamp) -> Self {
        Self::new(Now { wall, moment: Moment(3_600_000) })
    }

    /// Lets `duration` pass on both clocks and wakes every waiter whose moment has come.
    pub fn advance(&self, duration: Duration) {
        self.now.send_modify(|now| {
            now.wall = now.wall.plus(duration);
            now.moment = now.moment.plus(duration);
        });
    }

    /// Sets the wall clock alone, forwards or back, as an administrator or NTP does.
    pub fn set_wall(&self, wall: Timestamp) {
        self.now.send_modify(|now| now.wall = wall);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        *self.now.borrow()
    }

    fn wait_until(&self, moment: Moment) -> BoxFuture<'static, ()> {
        // The future holds the sender, too: a wait outlives the last handle by never ending, not by failing.
        let now = Arc::clone(&self.now);
        Box::pin(async move {
            let reached = now.subscribe().wait_for(|now| now.moment >= moment).await.map(|_| ());
            reached.expect("the sender lives as long as this future");
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn advancing_a_manual_clock_wakes_those_whose_moment_has_come_and_nobody_else() {
        let clock = ManualClock::starting_at(Timestamp::from_seconds(1_800_000_000));
        let start = clock.now();
        let mut soon = clock.wait_until(start.moment.plus(Duration::from_secs(5)));
        let mut later = clock.wait_until(start.moment.plus(Duration::from_secs(50)));
        assert!((&mut soon).now_or_never().is_none());
        clock.advance(Duration::from_secs(5));
        assert!((&mut soon).now_or_never().is_some());
        assert!((&mut later).now_or_never().is_none());
        assert_eq!(clock.now().wall, start.wall.plus(Duration::from_secs(5)));
    }

    #[tokio::test]
    async fn a_waiting_task_is_woken_by_the_advance() {
        let clock = ManualClock::starting_at(Timestamp::from_seconds(0));
        let waiter = tokio::spawn(clock.wait_until(clock.moment().plus(Duration::from_secs(1))));
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(1));
        waiter.await.unwrap();
    }

    #[test]
    fn setting_the_wall_clock_back_leaves_the_moment_alone() {
        let clock = ManualClock::starting_at(Timestamp::from_seconds(1_800_000_000));
        let before = clock.now();
        clock.set_wall(Timestamp::from_seconds(1));
        assert_eq!(clock.now(), Now { wall: Timestamp::from_seconds(1), moment: before.moment });
    }

    #[test]
    fn the_system_clock_never_goes_back_and_a_moment_that_has_passed_is_not_waited_for() {
        let first = SystemClock.now();
        let second = SystemClock.now();
        assert!(second.moment >= first.moment);
        assert!(first.wall > Timestamp::from_seconds(1_700_000_000));
        assert!(SystemClock.wait_until(first.moment).now_or_never().is_some());
    }
}
