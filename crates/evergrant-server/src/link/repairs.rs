//! Loops end: how often a grant may be sent to its provider.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use evergrant::proto::{name::GrantId, time::Moment};

/// Authorizations that the links of one grant may open within [`WINDOW`]. Whoever needs more is in a loop: a provider
/// that takes consent back at once, or a page that reloads itself.
pub(crate) const LIMIT: usize = 5;

/// See [`LIMIT`].
pub(crate) const WINDOW: Duration = Duration::from_secs(60 * 60);

/// When authorizations were opened by links, of every grant within the window.
#[derive(Debug, Default)]
pub(crate) struct Repairs(Mutex<HashMap<GrantId, Vec<Moment>>>);

impl Repairs {
    /// Whether one more may be opened; how long to wait if not.
    pub(crate) fn allowance(&self, grant: GrantId, now: Moment) -> Result<(), Duration> {
        let opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = opened.get(&grant).into_iter().flatten().copied();
        let recent: Vec<_> = recent.filter(|moment| now.since(*moment) < WINDOW).collect();
        match recent.first() {
            Some(first) if recent.len() >= LIMIT => Err(WINDOW.saturating_sub(now.since(*first))),
            _ => Ok(()),
        }
    }

    /// Notes that one was opened.
    pub(crate) fn note(&self, grant: GrantId, now: Moment) {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Bounded by what people click within an hour.
        opened.retain(|_, moments| {
            moments.retain(|moment| now.since(*moment) < WINDOW);
            !moments.is_empty()
        });
        opened.entry(grant).or_default().push(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_ends_and_may_begin_again_after_the_window() {
        let repairs = Repairs::default();
        let (grant, other) = (GrantId(1), GrantId(2));
        let minute = |minutes: u64| Moment(minutes * 60_000);
        for minutes in 0..5 {
            assert_eq!(repairs.allowance(grant, minute(minutes)), Ok(()));
            repairs.note(grant, minute(minutes));
        }
        assert_eq!(repairs.allowance(grant, minute(20)), Err(Duration::from_secs(40 * 60)));
        assert_eq!(repairs.allowance(other, minute(20)), Ok(()));
        assert_eq!(repairs.allowance(grant, minute(60)), Ok(()));
        repairs.note(grant, minute(60));
        assert!(repairs.allowance(grant, minute(60)).is_err());
    }
}
