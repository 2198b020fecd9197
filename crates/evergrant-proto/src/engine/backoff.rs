//! How long to wait after a failure.

use std::time::Duration;

use super::entropy::Entropy;

/// Ceiling of the first wait.
const FIRST: Duration = Duration::from_secs(2);

/// Ceiling of every wait: a provider that is back is noticed within five minutes.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// The longest that a provider's `Retry-After` is obeyed; a larger one is a mistake or an attack.
const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);

/// Full jitter: anything between a small floor and a ceiling that doubles with every failure. A `Retry-After`
/// (RFC 9110 10.2.3) is the floor, and what is drawn on top spreads the return of many grants.
pub(crate) fn wait_after(failures: u32, retry_after: Option<Duration>, entropy: &mut Entropy) -> Duration {
    let ceiling = FIRST.saturating_mul(1 << failures.min(16)).min(LONGEST);
    let drawn = Duration::from_millis(entropy.up_to(millis(ceiling)));
    match retry_after {
        Some(asked) => asked.min(LONGEST_ASKED) + drawn / 10,
        None => drawn.max(FIRST / 8),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_below_five_minutes() {
        let mut entropy = Entropy::new([1; 32]);
        for failures in 0..100 {
            let wait = wait_after(failures, None, &mut entropy);
            assert!(wait >= Duration::from_millis(250) && wait <= LONGEST, "{failures}: {wait:?}");
        }
        let long: Duration = (0..100).map(|_| wait_after(20, None, &mut entropy)).sum();
        assert!(long / 100 > Duration::from_secs(100));
    }

    #[test]
    fn retry_after_is_a_floor_and_is_capped() {
        let mut entropy = Entropy::new([2; 32]);
        let asked = Duration::from_secs(30);
        assert!((0..100).all(|_| wait_after(0, Some(asked), &mut entropy) >= asked));
        let absurd = wait_after(0, Some(Duration::from_secs(1 << 40)), &mut entropy);
        assert!(absurd <= LONGEST_ASKED + LONGEST);
    }
}
