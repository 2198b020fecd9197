//! The `date` header: the provider's time, not the machine's, since clients measure their offset with it.

use crate::provider::Timestamp;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// 9999-12-31T23:59:59Z: the format has four digits for the year.
const LAST_SECOND: i64 = 253_402_300_799;

/// RFC 9110 5.6.7, such as `Sun, 06 Nov 1994 08:49:37 GMT`. None before 1970 and after 9999.
pub(super) fn http_date(time: Timestamp) -> Option<String> {
    let seconds = time.seconds();
    if !(0..=LAST_SECOND).contains(&seconds) {
        return None;
    }
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    let weekday = DAYS[index(days % 7)];
    let month = MONTHS[index(month - 1)];
    Some(format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT"))
}

fn index(number: i64) -> usize {
    usize::try_from(number).expect("a remainder of a positive number is not negative")
}

/// The Gregorian date of a day number (day 0 is 1970-01-01), after Howard Hinnant's algorithm.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
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
    fn a_date_is_written_as_rfc_9110_wants_it() {
        for (seconds, written) in [
            (784_111_777, Some("Sun, 06 Nov 1994 08:49:37 GMT")),
            (0, Some("Thu, 01 Jan 1970 00:00:00 GMT")),
            (951_782_400, Some("Tue, 29 Feb 2000 00:00:00 GMT")),
            (LAST_SECOND, Some("Fri, 31 Dec 9999 23:59:59 GMT")),
            (LAST_SECOND + 1, None),
            (-1, None),
        ] {
            assert_eq!(http_date(Timestamp(seconds * 1000)).as_deref(), written);
        }
    }
}
