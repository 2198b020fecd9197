//! How far our clock is from the provider's, by its `Date` header.

use serde::{Deserialize, Serialize};

use crate::{
    time::Timestamp,
    wire::{http::HttpResponse, http_date::parse_http_date},
};

/// A measurement of the provider's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockOffset {
    /// Our clock minus the provider's, in milliseconds: positive if ours is ahead.
    pub milliseconds: i64,
    /// By how much it may be wrong: half the round trip and half the second that the header leaves open.
    pub uncertainty_milliseconds: u64,
}

impl ClockOffset {
    /// Measures with one exchange; `sent` and `received` are readings of our wall clock. `None` without a
    /// usable `Date`, or if our clock was set in between.
    pub fn measure(response: &HttpResponse, sent: Timestamp, received: Timestamp) -> Option<Self> {
        let date = parse_http_date(response.header("date")?)?;
        let round_trip = received.0.checked_sub(sent.0).filter(|round_trip| *round_trip >= 0)?;
        // The header has whole seconds: the moment was somewhere in that second.
        let provider = date.0.saturating_add(500);
        Some(Self {
            milliseconds: (sent.0 + round_trip / 2).saturating_sub(provider),
            uncertainty_milliseconds: u64::try_from(round_trip / 2).unwrap_or(0) + 500,
        })
    }

    /// Whether the clocks differ by more than the measurement can be wrong, and by more than `tolerance` seconds.
    pub fn exceeds(self, tolerance: u64) -> bool {
        let certain = self.milliseconds.unsigned_abs().saturating_sub(self.uncertainty_milliseconds);
        certain > tolerance.saturating_mul(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(date: &str) -> HttpResponse {
        HttpResponse { status: 200, headers: vec![("date".into(), date.into())], body: Vec::new().into() }
    }

    #[test]
    fn the_offset_is_measured_at_the_middle_of_the_round_trip() {
        let sent = Timestamp(1_795_222_891_000 + 60_000);
        let offset =
            ClockOffset::measure(&response("Sat, 21 Nov 2026 01:01:31 GMT"), sent, Timestamp(sent.0 + 1000));
        assert_eq!(offset, Some(ClockOffset { milliseconds: 60_000, uncertainty_milliseconds: 1000 }));
        assert!(offset.unwrap().exceeds(58) && !offset.unwrap().exceeds(59));
    }

    #[test]
    fn no_offset_is_made_up() {
        let at = Timestamp(1000);
        assert_eq!(ClockOffset::measure(&response("noon"), at, at), None);
        assert_eq!(ClockOffset::measure(&response("Sat, 21 Nov 2026 01:01:31 GMT"), at, Timestamp(0)), None);
    }
}
