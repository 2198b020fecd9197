//! The rehearsal's clock: the only place that reads a real one.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::provider::Timestamp;

/// How the provider's time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockMode {
    /// It stands still until it is advanced: for tests.
    Virtual,
    /// It runs as the machine's clock does, from wherever it was set: for people.
    Real,
}

/// What the clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReading {
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// How time passes.
    pub mode: ClockMode,
    /// How often the clock was moved: a follower that sees it change has missed a jump.
    pub moved: u64,
}

/// A clock that can be moved. In virtual mode it starts at 2026-01-01T00:00:00Z unless it is told otherwise.
#[derive(Debug)]
pub struct Clock {
    mode: ClockMode,
    /// The time itself in virtual mode, the distance from the machine's time otherwise.
    position_ms: Mutex<i64>,
    moved: watch::Sender<u64>,
}

/// 2026-01-01T00:00:00Z.
const VIRTUAL_START_MS: i64 = 1_767_225_600_000;

impl Clock {
    /// A clock that stands still at 2026-01-01T00:00:00Z.
    pub fn standing() -> Self {
        Self::new(ClockMode::Virtual, VIRTUAL_START_MS)
    }

    /// A clock that shows the machine's time until it is moved.
    pub fn running() -> Self {
        Self::new(ClockMode::Real, 0)
    }

    fn new(mode: ClockMode, position_ms: i64) -> Self {
        Self { mode, position_ms: Mutex::new(position_ms), moved: watch::Sender::new(0) }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        let position = *self.position();
        Timestamp(self.base_ms().saturating_add(position))
    }

    /// The time now, and how it passes.
    pub fn read(&self) -> ClockReading {
        ClockReading { now_ms: self.now().0, mode: self.mode, moved: *self.moved.borrow() }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.shift(|position, _| position.saturating_add(by));
    }

    /// Sets the clock, also back.
    pub fn set(&self, time: Timestamp) {
        self.shift(|_, base| time.0.saturating_sub(base));
    }

    /// Tells whoever follows this clock that it was moved.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    fn shift(&self, change: impl FnOnce(i64, i64) -> i64) {
        let mut position = self.position();
        *position = change(*position, self.base_ms());
        drop(position);
        self.moved.send_modify(|moved| *moved += 1);
    }

    fn position(&self) -> MutexGuard<'_, i64> {
        self.position_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn base_ms(&self) -> i64 {
        match self.mode {
            ClockMode::Virtual => 0,
            ClockMode::Real => machine_ms(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock module of the rehearsal")]
fn machine_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_only_when_it_is_told_to() {
        let clock = Clock::standing();
        assert_eq!(clock.now(), Timestamp(VIRTUAL_START_MS));
        clock.advance(Duration::from_secs(60));
        assert_eq!(clock.now(), Timestamp(VIRTUAL_START_MS + 60_000));
        clock.set(Timestamp(5));
        assert_eq!(clock.read(), ClockReading { now_ms: 5, mode: ClockMode::Virtual, moved: 2 });
    }

    #[test]
    fn a_running_clock_can_be_set_and_runs_on_from_there() {
        let clock = Clock::running();
        clock.set(Timestamp(1_000_000));
        assert!(clock.now() >= Timestamp(1_000_000));
        assert!(clock.now() < Timestamp(1_000_000 + 3_600_000));
    }
}
