//! What headers say.

use evergrant_proto::{
    failure::{
        ClockOffset,
        retry_after::{MAX_RETRY_AFTER, retry_after},
    },
    time::Timestamp,
    wire::{challenge::Challenge, http_date::parse_http_date},
};

use crate::http_text::Message;

const NOW: Timestamp = Timestamp(1_795_222_891_000);

/// `WWW-Authenticate` (RFC 9110 11.6.1, RFC 6750 3).
pub(super) fn challenge(bytes: &[u8]) {
    for challenge in Challenge::parse(&String::from_utf8_lossy(bytes)) {
        let _ = (challenge.error(), challenge.description(), challenge.remedy());
        let _ = challenge.parameter("scope");
    }
}

/// `Retry-After` and `Date` (RFC 9110 10.2.3, 6.6.1, 5.6.7).
pub(super) fn times(bytes: &[u8]) {
    let _ = parse_http_date(&String::from_utf8_lossy(bytes));
    let response = Message::of(bytes).into_response();
    if let Some(pause) = retry_after(&response, NOW) {
        assert!(pause <= MAX_RETRY_AFTER, "a provider cannot silence us for {pause:?}");
    }
    for sent in [NOW, Timestamp(0), Timestamp(i64::MIN), Timestamp(i64::MAX)] {
        if let Some(offset) = ClockOffset::measure(&response, sent, NOW) {
            let _ = offset.exceeds(60);
        }
    }
}
