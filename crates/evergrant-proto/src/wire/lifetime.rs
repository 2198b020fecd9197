//! Lifetimes as providers state them: unknown stays distinct from never.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::json::Json;
use crate::time::Timestamp;

/// Longest lifetime that is believed: 20 years, the longest that was seen (Wise). More is a mistake, such as
/// milliseconds or a point in time where seconds belong.
pub const MAX_LIFETIME: Duration = Duration::from_secs(20 * 365 * 86_400);

/// How long something lives, counted from the moment when the request was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// This long.
    For(Duration),
    /// Until this point of the provider's clock (`expires_at`); believed for [`MAX_LIFETIME`].
    Until(Timestamp),
    /// The provider said that there is no end.
    Never,
    /// Nothing usable was said.
    Unknown,
}

impl Lifetime {
    /// The end, counted from when the request was sent: the answer may have been on its way for long. `None` if
    /// there is no end or nobody said.
    pub fn counted_from(self, sent: Timestamp) -> Option<Timestamp> {
        match self {
            Self::For(duration) => Some(sent.plus(duration)),
            Self::Until(end) => Some(end.min(sent.plus(MAX_LIFETIME))),
            Self::Never | Self::Unknown => None,
        }
    }

    /// The length, if it is one.
    pub fn duration(self) -> Option<Duration> {
        match self {
            Self::For(duration) => Some(duration),
            _ => None,
        }
    }
}

/// What a member says about a lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatedSeconds {
    /// Usable.
    For(Duration),
    /// More than [`MAX_LIFETIME`], which is given instead.
    Capped,
    /// Zero or less: what it means depends on the member.
    Zero,
    /// No number.
    Unusable,
}

/// Seconds as an integer, a float, or a text of either (RFC 6749 5.1 says integer, providers differ).
pub(super) fn stated_seconds(value: &Json) -> StatedSeconds {
    let Some(seconds) = number(value) else { return StatedSeconds::Unusable };
    if seconds < 1.0 {
        StatedSeconds::Zero
    } else if seconds > MAX_LIFETIME.as_secs_f64() {
        StatedSeconds::Capped
    } else {
        StatedSeconds::For(Duration::from_secs(Duration::from_secs_f64(seconds).as_secs()))
    }
}

/// A point in time as epoch seconds, epoch milliseconds or RFC 3339.
pub(super) fn stated_point(value: &Json) -> Option<Timestamp> {
    // Epoch seconds stay below this until the year 5138; epoch milliseconds are above it since 1973.
    const MILLISECONDS_FROM: f64 = 1e11;
    if let Some(seconds) = number(value) {
        let seconds = if seconds.abs() >= MILLISECONDS_FROM { seconds / 1000.0 } else { seconds };
        let whole = Duration::try_from_secs_f64(seconds).ok()?.as_secs();
        return i64::try_from(whole).ok().map(Timestamp::from_seconds);
    }
    value.as_text().and_then(parse_rfc_3339)
}

fn number(value: &Json) -> Option<f64> {
    let number = match value {
        #[expect(clippy::cast_precision_loss, reason = "seconds beyond 2^53 are capped anyway")]
        Json::Integer(number) => *number as f64,
        Json::Float(number) => *number,
        Json::Text(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// Parses `2026-11-21T01:01:31Z`, with or without a fraction, with an offset or without (then UTC).
fn parse_rfc_3339(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if !text.is_ascii() || text.len() < 19 {
        return None;
    }
    let (date, rest) = text.split_at(10);
    let (clock, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let days = days_from_civil(year, month, day)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let local = days * 86_400 + hour * 3600 + minute * 60 + second;
    let zone =
        rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    Some(Timestamp::from_seconds(local - zone_seconds(zone)?))
}

fn zone_seconds(zone: &str) -> Option<i64> {
    let (sign, offset) = match zone.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some(0),
        Some(("+", offset)) => (1, offset),
        Some(("-", offset)) => (-1, offset),
        Some(_) => return None,
    };
    let digits: String = offset.chars().filter(|character| *character != ':').collect();
    if digits.len() != 4 {
        return None;
    }
    let digits: i64 = digits.parse().ok()?;
    Some(sign * (digits / 100 * 3600 + digits % 100 * 60))
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse::<u16>().ok().map(i64::from));
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// The day number of a date of the proleptic Gregorian calendar (day 0 is 1970-01-01).
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn text(text: &str) -> Json {
        Json::Text(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn a_point_in_time_is_believed_for_as_long_as_a_length() {
        let sent = Timestamp::from_seconds(1_800_000_000);
        let never = stated_point(&Json::Integer(i64::MAX)).unwrap();
        assert_eq!(Lifetime::Until(never).counted_from(sent), Some(sent.plus(MAX_LIFETIME)));
        let tomorrow = sent.plus(Duration::from_secs(86_400));
        assert_eq!(Lifetime::Until(tomorrow).counted_from(sent), Some(tomorrow));
    }

    #[test]
    fn seconds_are_read_however_they_are_written() {
        let hour = StatedSeconds::For(Duration::from_secs(3600));
        let rows = [
            (Json::Integer(3600), hour),
            (text("3600"), hour),
            (text(" 3600.9 "), hour),
            (Json::Float(3600.5), hour),
            (Json::Integer(0), StatedSeconds::Zero),
            (Json::Integer(-1), StatedSeconds::Zero),
            (Json::Float(0.5), StatedSeconds::Zero),
            (Json::Integer(i64::MAX), StatedSeconds::Capped),
            (Json::Float(1e300), StatedSeconds::Capped),
            (text("inf"), StatedSeconds::Unusable),
            (text("NaN"), StatedSeconds::Unusable),
            (text("soon"), StatedSeconds::Unusable),
            (Json::Bool(true), StatedSeconds::Unusable),
            (Json::Array(vec![]), StatedSeconds::Unusable),
        ];
        for (index, (value, expected)) in rows.into_iter().enumerate() {
            assert_eq!(stated_seconds(&value), expected, "row {index}");
        }
    }

    #[test]
    fn points_are_read_however_they_are_written() {
        let point = Some(Timestamp::from_seconds(1_795_222_891));
        let rows = [
            (Json::Integer(1_795_222_891), point),
            (Json::Integer(1_795_222_891_000), point),
            (text("1795222891"), point),
            (text("2026-11-21T01:01:31Z"), point),
            (text("2026-11-21T01:01:31.123456Z"), point),
            (text("2026-11-21T01:01:31"), point),
            (text("2026-11-21T02:31:31+01:30"), point),
            (text("2026-11-20 17:01:31-0800"), point),
            (text("2026-13-21T01:01:31Z"), None),
            (text("2026-11-21T25:01:31Z"), None),
            (text("2026-11-21T01:01:31+99"), None),
            (text("tomorrow at noon, promised"), None),
            (Json::Integer(-5), None),
        ];
        for (index, (value, expected)) in rows.into_iter().enumerate() {
            assert_eq!(stated_point(&value), expected, "row {index}");
        }
    }

    #[test]
    fn a_lifetime_counts_from_when_the_request_was_sent() {
        let sent = Timestamp::from_seconds(1000);
        let end = Lifetime::For(Duration::from_secs(60)).counted_from(sent);
        assert_eq!(end, Some(Timestamp::from_seconds(1060)));
        assert_eq!(Lifetime::Until(sent).counted_from(Timestamp(0)), Some(sent));
        assert_eq!(Lifetime::Unknown.counted_from(sent), None);
        assert_eq!(Lifetime::Never.counted_from(sent), None);
    }
}
