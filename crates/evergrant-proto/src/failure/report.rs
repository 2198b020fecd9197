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
    Failure { http_status: report.status, ..failure }
}
