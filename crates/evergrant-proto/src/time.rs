//! Time as values. Nothing in this crate reads a clock: every function that depends on time takes [`Now`].

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// A point of the wall clock: milliseconds since 1970-01-01T00:00:00Z. It may jump when the clock is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A point of the suspend-aware clock: milliseconds since an arbitrary start (on Linux, boot). It never goes
/// back and goes on while the machine sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub u64);

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// What the wall clock says: for everything that is written down or compared with a provider's times.
    pub wall: Timestamp,
    /// What the suspend-aware clock says: for deadlines inside one process.
    pub moment: Moment,
}

impl Timestamp {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This point moved into the future; stays at the end of time instead of wrapping.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This point moved into the past.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// Time since `earlier`; zero if `earlier` is later, as after a clock that was set back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// 0000-01-01T00:00:00Z, in seconds.
const YEAR_0: i64 = -62_167_219_200;

/// 9999-12-31T23:59:59Z, in seconds.
const END_OF_YEAR_9999: i64 = 253_402_300_799;

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with seconds. That has four digits for a year: what lies outside of it is shown as its nearest end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds().clamp(YEAR_0, END_OF_YEAR_9999);
        let (days, clock) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        // Every token that is handed out has one: the formatting of the standard library would take ten times as long.
        let mut text = *b"0000-00-00T00:00:00Z";
        let parts = [(0..4, year), (5..7, month), (8..10, day)].into_iter();
        let parts = parts.chain([(11..13, clock / 3600), (14..16, clock / 60 % 60), (17..19, clock % 60)]);
        for (place, number) in parts {
            put_digits(&mut text[place], number);
        }
        formatter.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// As many of the last digits of `number` as there is room for.
fn put_digits(room: &mut [u8], mut number: i64) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

impl Moment {
    /// This point moved into the future.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Time since `earlier`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The part of a duration that a draw stands for: all of it for the highest. Of one beyond all time, less.
pub(crate) fn share(whole: Duration, draw: u16) -> Duration {
    whole.saturating_mul(u32::from(draw)) / u32::from(u16::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Proleptic Gregorian date of a day number (day 0 is 1970-01-01), after Howard Hinnant's algorithm.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_as_rfc_3339() {
        assert_eq!(Timestamp::from_seconds(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_seconds(951_782_399).to_string(), "2000-02-28T23:59:59Z");
        assert_eq!(Timestamp::from_seconds(1_795_222_891).to_string(), "2026-11-21T01:01:31Z");
    }

    #[test]
    fn a_time_that_rfc_3339_has_no_digits_for_prints_as_the_nearest_that_it_has() {
        assert_eq!(Timestamp(i64::MAX).to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Timestamp(i64::MIN).to_string(), "0000-01-01T00:00:00Z");
    }

    #[test]
    fn time_before_an_earlier_point_is_zero_and_not_a_panic() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(Timestamp(i64::MAX).plus(Duration::MAX), Timestamp(i64::MAX));
    }
}
