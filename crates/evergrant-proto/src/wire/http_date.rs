//! Dates of HTTP headers (RFC 9110 5.6.7).

use super::lifetime::days_from_civil;
use crate::time::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Parses a date in any of the three forms that a recipient must accept.
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    // Either "Sun, 06 Nov 1994 08:49:37 GMT" and "Sunday, 06-Nov-94 08:49:37 GMT", or "Sun Nov  6 08:49:37 1994".
    let ([_, day, month, year, clock, "GMT" | "UTC"] | [_, month, day, clock, year]) = words[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let days = days_from_civil(full_year(year)?, i64::try_from(month).ok()? + 1, number(day)?)?;
    let mut parts = clock.split(':').map(number);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let valid = parts.next().is_none() && hour < 24 && minute < 60 && second <= 60;
    valid.then(|| Timestamp::from_seconds(days * 86_400 + hour * 3600 + minute * 60 + second))
}

/// Two digits mean this century: only RFC 850 writes them, and nothing we read is about the past.
fn full_year(text: &str) -> Option<i64> {
    let year = number(text)?;
    Some(if text.len() == 2 { 2000 + year } else { year })
}

fn number(text: &str) -> Option<i64> {
    text.parse::<u16>().ok().map(i64::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_three_forms_are_read() {
        let expected = Some(Timestamp::from_seconds(1_795_222_891));
        assert_eq!(parse_http_date("Sat, 21 Nov 2026 01:01:31 GMT"), expected);
        assert_eq!(parse_http_date("Saturday, 21-Nov-26 01:01:31 GMT"), expected);
        assert_eq!(parse_http_date("Sat Nov 21 01:01:31 2026"), expected);
    }

    #[test]
    fn what_is_no_date_is_nothing() {
        for text in [
            "",
            "tomorrow",
            "Sat, 21 Nov 2026 25:01:31 GMT",
            "Sat, 32 Nov 2026 01:01:31 GMT",
            "Sat, 21 Foo 2026 01:01:31 GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_arbitrary_text_never_panics(text in "[A-Za-z0-9:, -]{0,40}") {
            let _ = parse_http_date(&text);
        }
    }
}
