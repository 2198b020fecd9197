//! Failures that somebody reports: a part of an answer, maybe without its status.

use super::{Exchange, Failure, Stage, table};
use crate::{
    provider::Dialect,
    time::Timestamp,
    wire::{error_response::ErrorResponse, http::HttpResponse},
};

/// What is known of an answer that somebody else got.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What was asked.
    pub stage: Stage,
    /// The status, if it was written down.
    pub status: Option<u16>,
    /// Header names in lower case, with their values.
    pub headers: &'a [(String, String)],
    /// What the provider said, as far as it was written down. It is believed.
    pub error: Option<&'a ErrorResponse>,
    /// How this provider speaks.
    pub dialect: &'a Dialect,
}

/// Judges a report by the table of failures. Where the status was not written down, the usual one is supposed; where
/// the body was not, a 400 is a refusal of what was presented and a 401 one of the client.
pub fn reported(report: &Report<'_>) -> Failure {
    let usual = match report.stage {
        Stage::ApiCall => 401,
        _ => 400,
    };
    let headers = report.headers.to_vec();
    let response = HttpResponse { status: report.status.unwrap_or(usual), headers, body: Vec::new().into() };
    let exchange = Exchange {
        stage: report.stage,
        result: Ok(&response),
        dialect: report.dialect,
        now: Timestamp(0),
        secrets: &[],
    };
    let failure = table::judged(&exchange, &response, report.error.cloned());
    let summary = match (report.status, report.error) {
        (Some(_), _) => failure.summary,
        (None, Some(ErrorResponse { code: Some(code), .. })) => {
            format!("the provider answered with the error {code}")
        }
        (None, Some(_)) => "what was reported".to_owned(),
        (None, None) => "the answer itself was not reported".to_owned(),
    };
    Failure { http_status: report.status, summary, ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{failure::Consequence, wire::error_response::ErrorCode};

    fn report(stage: Stage, status: Option<u16>, error: Option<&ErrorResponse>) -> Failure {
        reported(&Report { stage, status, headers: &[], error, dialect: &Dialect::default() })
    }

    #[test]
    fn what_was_not_written_down_is_not_made_up() {
        let dead = ErrorResponse::of_code(Some(ErrorCode::InvalidGrant));
        let failure = report(Stage::RefreshToken, None, Some(&dead));
        assert_eq!((failure.http_status, failure.consequence), (None, Consequence::Terminal));
        assert!(!failure.summary.contains("400"), "{}", failure.summary);
    }

    #[test]
    fn a_refusal_without_its_body_is_one_of_what_was_presented_or_of_the_client() {
        let rows = [
            (Stage::RefreshToken, 400, Consequence::Terminal),
            (Stage::RefreshToken, 401, Consequence::SuspendClient),
            (Stage::RefreshToken, 404, Consequence::ResolveUnknown),
            (Stage::RefreshToken, 503, Consequence::Retry),
            (Stage::ApiCall, 401, Consequence::ResolveUnknown),
        ];
        for (stage, status, consequence) in rows {
            assert_eq!(report(stage, Some(status), None).consequence, consequence, "{stage:?} {status}");
        }
    }

    #[test]
    fn a_reported_code_that_nobody_knows_is_a_refusal_all_the_same() {
        let strange = ErrorResponse::of_code(ErrorCode::parse("grant_is_sad"));
        let consequence = |status| report(Stage::RefreshToken, Some(status), Some(&strange)).consequence;
        assert_eq!([consequence(400), consequence(401)], [Consequence::Terminal; 2]);
        assert_eq!(consequence(502), Consequence::ResolveUnknown);
    }
}
