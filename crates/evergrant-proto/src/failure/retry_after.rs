//! `Retry-After` (RFC 9110 10.2.3), in both forms.

use std::time::Duration;

use crate::{
    time::Timestamp,
    wire::{http::HttpResponse, http_date::parse_http_date},
};

/// Longest wait that is obeyed. A provider that says more is asked again after this.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How long a response asks us to wait. A date is compared with the provider's own clock, if it told the time:
/// ours may be wrong.
pub fn retry_after(response: &HttpResponse, now: Timestamp) -> Option<Duration> {
    let text = response.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    let reference = response.header("date").and_then(parse_http_date).unwrap_or(now);
    Some(parse_http_date(text)?.since(reference).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(retry_after_header: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = vec![("retry-after".to_owned(), retry_after_header.to_owned())];
        headers.extend(date.map(|date| ("date".to_owned(), date.to_owned())));
        let response = HttpResponse { status: 503, headers, body: Vec::new().into() };
        retry_after(&response, Timestamp::from_seconds(1_795_222_891)).map(|wait| wait.as_secs())
    }

    #[test]
    fn both_forms_are_read_and_capped() {
        let rows = [
            ("120", None, Some(120)),
            (" 0 ", None, Some(0)),
            ("86400", None, Some(3600)),
            ("-5", None, None),
            ("soon", None, None),
            ("1.5", None, None),
            ("Sat, 21 Nov 2026 01:03:31 GMT", None, Some(120)),
            ("Sat, 21 Nov 2026 00:00:00 GMT", None, Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None, Some(3600)),
            ("Sat, 21 Nov 2026 02:03:31 GMT", Some("Sat, 21 Nov 2026 02:03:01 GMT"), Some(30)),
        ];
        for (header, date, expected) in rows {
            assert_eq!(wait(header, date), expected, "{header}");
        }
    }
}
