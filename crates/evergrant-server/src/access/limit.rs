//! How often a key may ask.
//!
//! A token bucket, kept as the one point of time at which it is full again: one atomic number, no lock. The headers
//! are those of draft-ietf-httpapi-ratelimit-headers-10.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use evergrant::proto::time::Moment;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How many requests one API key may make of one server, but for access tokens, which are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// So many at once.
    pub requests: u32,
    /// After this time all of them are there again; a part of them after a part of it.
    pub window: Duration,
}

impl Default for RateLimit {
    /// A thousand at once, and a hundred a second.
    fn default() -> Self {
        Self { requests: 1000, window: Duration::from_secs(10) }
    }
}

/// The requests that are left to one key.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// Nanoseconds of the suspend-aware clock.
    full_at: AtomicU64,
}

/// Where a key stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    limit: RateLimit,
    /// Requests that are left now.
    remaining: u64,
    /// Until all are there again.
    full_in: Duration,
    /// How long the request has to wait; `None`: it was let through.
    pub(crate) wait: Option<Duration>,
}

impl RateLimit {
    /// What one request costs, in nanoseconds of the window.
    fn cost(self) -> u64 {
        (nanoseconds(self.window) / u64::from(self.requests.max(1))).max(1)
    }
}

impl Bucket {
    /// Takes one request out, if there is one.
    pub(crate) fn take(&self, limit: RateLimit, now: Moment) -> Standing {
        let (now, window, cost) = (now.0.saturating_mul(1_000_000), nanoseconds(limit.window), limit.cost());
        let standing = |full_at: u64, wait| {
            let missing = full_at.saturating_sub(now);
            let remaining = window.saturating_sub(missing) / cost;
            Standing { limit, remaining, full_in: Duration::from_nanos(missing), wait }
        };
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now).saturating_add(cost);
            let over = next.saturating_sub(now.saturating_add(window));
            if over > 0 {
                return standing(full_at, Some(Duration::from_nanos(over)));
            }
            match self.full_at.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return standing(next, None),
                Err(newer) => full_at = newer,
            }
        }
    }

    /// How long until there is one, if there is none.
    pub(crate) fn wait(&self, limit: RateLimit, now: Moment) -> Option<Duration> {
        let now = now.0.saturating_mul(1_000_000);
        let next = self.full_at.load(Ordering::Relaxed).max(now).saturating_add(limit.cost());
        let over = next.saturating_sub(now.saturating_add(nanoseconds(limit.window)));
        (over > 0).then(|| Duration::from_nanos(over))
    }
}

impl Standing {
    /// Tells the caller.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let RateLimit { requests, window } = self.limit;
        let window = seconds(window).max(1);
        for (name, text) in [
            (POLICY, format!("\"default\";q={requests};w={window}")),
            (LIMIT, format!("\"default\";r={};t={}", self.remaining, seconds(self.full_in))),
        ] {
            headers.insert(name, HeaderValue::try_from(text).expect("digits and signs"));
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Rounded up: who comes back earlier comes too early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT_OF_TEN: RateLimit = RateLimit { requests: 10, window: Duration::from_secs(5) };

    fn drained(now: Moment) -> Bucket {
        let bucket = Bucket::default();
        for left in (0..10).rev() {
            let standing = bucket.take(LIMIT_OF_TEN, now);
            assert_eq!((standing.remaining, standing.wait), (left, None));
        }
        bucket
    }

    #[test]
    fn so_many_requests_are_let_through_at_once_and_the_next_is_told_when_to_come_back() {
        let now = Moment(1_000_000);
        let bucket = drained(now);
        assert_eq!(bucket.wait(LIMIT_OF_TEN, now), Some(Duration::from_millis(500)));
        let refused = bucket.take(LIMIT_OF_TEN, now);
        assert_eq!((refused.remaining, refused.wait), (0, Some(Duration::from_millis(500))));
        assert_eq!(bucket.take(LIMIT_OF_TEN, now), refused, "a refusal costs nothing");
    }

    #[test]
    fn requests_come_back_one_by_one_and_never_more_than_there_were() {
        let now = Moment(1_000_000);
        let bucket = drained(now);
        assert!(bucket.take(LIMIT_OF_TEN, Moment(now.0 + 499)).wait.is_some());
        assert_eq!(bucket.take(LIMIT_OF_TEN, Moment(now.0 + 500)).wait, None);
        assert!(bucket.take(LIMIT_OF_TEN, Moment(now.0 + 500)).wait.is_some());
        let rested = bucket.take(LIMIT_OF_TEN, Moment(now.0 + 1_000_000));
        assert_eq!((rested.remaining, rested.wait), (9, None));
    }

    #[test]
    fn a_limit_of_nothing_still_makes_sense() {
        let bucket = Bucket::default();
        let none = RateLimit { requests: 0, window: Duration::ZERO };
        assert!(bucket.take(none, Moment(1)).wait.is_some());
    }

    #[test]
    fn the_headers_are_structured_fields_of_the_draft() {
        let bucket = Bucket::default();
        let mut headers = HeaderMap::new();
        bucket.take(LIMIT_OF_TEN, Moment(7)).tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"default\";q=10;w=5");
        assert_eq!(headers["ratelimit"], "\"default\";r=9;t=1");
    }
}
