//! One clock for provider and keeper: the rehearsal's, as the engine wants to see it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use evergrant::{
    clock::Clock,
    proto::time::{Moment, Now, Timestamp},
};
use evergrant_rehearse::ClockMode;
use futures_util::future::BoxFuture;

/// A timer of the runtime stands still while the machine sleeps: the time is looked at again after each nap.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// The rehearsal's clock. Clones share the time.
#[derive(Debug, Clone)]
pub(super) struct SharedClock {
    provider: Arc<evergrant_rehearse::Clock>,
    /// The latest time that was ever shown: a moment never goes back, also if somebody sets the clock back.
    latest: Arc<AtomicU64>,
}

impl SharedClock {
    pub(super) fn new(provider: Arc<evergrant_rehearse::Clock>) -> Self {
        Self { provider, latest: Arc::default() }
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Now {
        let wall = Timestamp(self.provider.now().0);
        let shown = u64::try_from(wall.0).unwrap_or(0);
        let latest = self.latest.fetch_max(shown, Ordering::Relaxed);
        Now { wall, moment: Moment(latest.max(shown)) }
    }

    fn wait_until(&self, moment: Moment) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        Box::pin(async move {
            // Subscribed before the first look, so that no jump falls between looking and waiting.
            let mut jumps = clock.provider.watch();
            loop {
                let remaining = moment.since(clock.moment());
                if remaining.is_zero() {
                    return;
                }
                tokio::select! {
                    // The clock holds the sender: it cannot be gone while it is held here.
                    _ = jumps.changed() => {}
                    () = passing(clock.provider.read().mode, remaining) => {}
                }
            }
        })
    }
}

/// The time that passes by itself, if it does.
async fn passing(mode: ClockMode, remaining: Duration) {
    match mode {
        ClockMode::Real => tokio::time::sleep(remaining.min(LONGEST_NAP)).await,
        ClockMode::Virtual => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_jump_of_the_provider_s_clock_wakes_those_whose_moment_has_come() {
        let provider = Arc::new(evergrant_rehearse::Clock::standing());
        let clock = SharedClock::new(Arc::clone(&provider));
        let start = clock.moment();
        let mut soon = clock.wait_until(start.plus(Duration::from_secs(60)));
        let mut later = clock.wait_until(start.plus(Duration::from_secs(61)));
        assert!((&mut soon).now_or_never().is_none());
        provider.advance(Duration::from_secs(60));
        assert!((&mut soon).now_or_never().is_some());
        assert!((&mut later).now_or_never().is_none());
    }

    #[test]
    fn setting_the_clock_back_moves_the_wall_clock_alone() {
        let provider = Arc::new(evergrant_rehearse::Clock::standing());
        let clock = SharedClock::new(Arc::clone(&provider));
        let before = clock.now();
        provider.set(evergrant_rehearse::Timestamp(5));
        assert_eq!(clock.now(), Now { wall: Timestamp(5), moment: before.moment });
    }
}
