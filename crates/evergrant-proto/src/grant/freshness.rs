//! Whether an access token can be handed out, and when it is time for the next.

use std::time::Duration;

use super::access::{AccessEntry, Expiry};
use crate::time::{Timestamp, share};

/// The longest margin before expiry at which a refresh begins.
pub const MAX_MARGIN: Duration = Duration::from_secs(5 * 60);

/// A token so close to its end would die on its way to the resource server; capped at a tenth of its lifetime.
const TRANSIT: Duration = Duration::from_secs(5);

/// Age at which a token of unknown expiry is renewed in the background. Half of the hour that most providers give.
const UNKNOWN_EXPIRY_RENEWAL: Duration = Duration::from_secs(30 * 60);

/// Age at which a token of unknown expiry is held to have ended where that matters: the hour that most providers give.
const UNKNOWN_EXPIRY_END: Duration = Duration::from_secs(60 * 60);

/// A token from further in the future was issued before the wall clock was set back: its age is not known.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(10 * 60);

/// What may be done with an access token now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// Past its end, or rejected by a resource server.
    Expired,
    /// Still good, but inside the margin: hand it out and refresh in the background.
    Stale,
    /// Good.
    Fresh,
}

/// How long before expiry a refresh begins: a fifth of the lifetime, at most five minutes.
///
/// A fixed margin would make a short-lived token refresh on every read.
pub fn margin(lifetime: Duration) -> Duration {
    (lifetime / 5).min(MAX_MARGIN)
}

impl AccessEntry {
    /// Judges this token at `now`.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        if self.rejected || self.usable_until().is_some_and(|end| now >= end) {
            Freshness::Expired
        } else if self.is_from_the_future(now) || self.stale_at().is_some_and(|stale| now >= stale) {
            Freshness::Stale
        } else {
            Freshness::Fresh
        }
    }

    /// When it is held to have ended by itself; `None`: never.
    pub fn presumed_end(&self) -> Option<Timestamp> {
        match self.expiry {
            Expiry::At(_) => self.usable_until(),
            Expiry::Unknown => Some(self.issued_at.plus(UNKNOWN_EXPIRY_END)),
            Expiry::Never => None,
        }
    }

    fn is_from_the_future(&self, now: Timestamp) -> bool {
        self.issued_at > now.plus(CLOCK_TOLERANCE)
    }

    /// The last instant at which it is handed out; `None` if no end is known.
    pub fn usable_until(&self) -> Option<Timestamp> {
        let Expiry::At(end) = self.expiry else { return None };
        Some(end.minus(TRANSIT.min(self.lifetime() / 10)))
    }

    /// When its refresh begins: somewhere in the first half of the margin, by the token's own draw.
    pub fn stale_at(&self) -> Option<Timestamp> {
        match self.expiry {
            Expiry::At(end) => {
                let margin = margin(self.lifetime());
                let spread = share(margin / 2, self.jitter);
                Some(end.minus(margin.saturating_sub(spread)))
            }
            Expiry::Unknown => Some(self.issued_at.plus(UNKNOWN_EXPIRY_RENEWAL)),
            Expiry::Never => None,
        }
    }

    /// Whether it lives at least `least` longer. `least` is capped at 80 % of the lifetime: no caller can ask for
    /// a token longer-lived than the provider issues, which would refresh on every call.
    pub fn lives_at_least(&self, least: Duration, now: Timestamp) -> bool {
        let Some(end) = self.usable_until() else { return true };
        now.plus(least.min(self.lifetime() / 5 * 4)) <= end
    }

    /// From issue to expiry; zero if unknown.
    pub fn lifetime(&self) -> Duration {
        match self.expiry {
            Expiry::At(end) => end.since(self.issued_at),
            Expiry::Unknown | Expiry::Never => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{grant::AccessKey, name::Generation, secret::AccessToken};

    fn entry(expiry: Expiry, jitter: u16) -> AccessEntry {
        AccessEntry {
            key: AccessKey::default(),
            token: AccessToken::new("at").unwrap(),
            token_type: "Bearer".to_owned(),
            scope: None,
            issued_at: Timestamp::from_seconds(0),
            expiry,
            generation: Generation(1),
            rejected: false,
            jitter,
        }
    }

    #[test]
    fn an_hour_is_stale_five_minutes_before_its_end_and_half_of_that_at_the_latest() {
        let at = |seconds| Timestamp::from_seconds(seconds);
        let (early, late) = (entry(Expiry::At(at(3600)), 0), entry(Expiry::At(at(3600)), u16::MAX));
        assert_eq!(early.stale_at(), Some(at(3300)));
        assert_eq!(late.stale_at(), Some(at(3450)));
        assert_eq!(early.freshness(at(3299)), Freshness::Fresh);
        assert_eq!(early.freshness(at(3300)), Freshness::Stale);
        assert_eq!(early.freshness(at(3595)), Freshness::Expired);
    }

    #[test]
    fn a_short_token_has_a_short_margin() {
        let short = entry(Expiry::At(Timestamp::from_seconds(10)), 0);
        assert_eq!(short.freshness(Timestamp::from_seconds(7)), Freshness::Fresh);
        assert_eq!(short.freshness(Timestamp::from_seconds(8)), Freshness::Stale);
        assert_eq!(short.freshness(Timestamp::from_seconds(9)), Freshness::Expired);
    }

    #[test]
    fn unknown_expiry_renews_and_never_does_not() {
        let late = Timestamp::from_seconds(10_000_000);
        assert_eq!(entry(Expiry::Unknown, 0).freshness(late), Freshness::Stale);
        assert_eq!(entry(Expiry::Never, 0).freshness(late), Freshness::Fresh);
    }

    #[test]
    fn a_rejected_token_is_expired_whatever_its_time() {
        let mut rejected = entry(Expiry::Never, 0);
        rejected.rejected = true;
        assert_eq!(rejected.freshness(Timestamp::from_seconds(0)), Freshness::Expired);
    }

    #[test]
    fn a_greedy_min_ttl_is_capped_at_four_fifths_of_the_lifetime() {
        let token = entry(Expiry::At(Timestamp::from_seconds(1000)), 0);
        assert!(token.lives_at_least(Duration::from_secs(1_000_000), Timestamp::from_seconds(100)));
        assert!(!token.lives_at_least(Duration::from_secs(1_000_000), Timestamp::from_seconds(300)));
    }
}
