//! A wrong clock of our own.

use super::{Cause, Certainty, Diagnosis, remedy::remedies};
use crate::{failure::ClockOffset, time::Timestamp, wire::http::HttpResponse};

/// A smaller difference explains nothing, in seconds.
const NOTICEABLE: u64 = 60;

/// Why we do not accept what was just issued, if our clock differs from the provider's: then the fault is ours. `reason`
/// is ours as well; `sent` and `received` are readings of our wall clock.
pub(crate) fn skewed_clock(
    response: &HttpResponse,
    reason: &str,
    sent: Timestamp,
    received: Timestamp,
) -> Option<Diagnosis> {
    let offset =
        ClockOffset::measure(response, sent, received).filter(|offset| offset.exceeds(NOTICEABLE))?;
    let seconds = offset.milliseconds.unsigned_abs() / 1000;
    let direction = if offset.milliseconds > 0 { "ahead of" } else { "behind" };
    let cause = Cause::ClockSkew;
    Some(Diagnosis {
        cause,
        certainty: Certainty::Likely,
        culprit: cause.culprit(),
        permanent: cause.is_permanent(),
        retry: false,
        remedies: remedies(cause),
        evidence: vec![
            format!("What the provider has just issued is not accepted here: {reason}."),
            format!("Our clock is {seconds} seconds {direction} the provider's, by the date of its answer."),
        ],
        alternatives: vec![],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_right_is_not_blamed() {
        let date = ("date".to_owned(), "Sat, 21 Nov 2026 01:01:31 GMT".to_owned());
        let response = HttpResponse { status: 200, headers: vec![date], body: Vec::new().into() };
        let right = Timestamp(1_795_222_891_500);
        assert_eq!(skewed_clock(&response, "it has expired", right, right), None);
        let ahead = Timestamp(right.0 + 7_200_000);
        let blamed = skewed_clock(&response, "it has expired", ahead, ahead).unwrap();
        assert_eq!(blamed.cause, Cause::ClockSkew);
        assert!(blamed.evidence[1].contains("7200 seconds ahead of"), "{blamed:?}");
    }
}
