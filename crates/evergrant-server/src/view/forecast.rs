//! A grant that has an end.

use evergrant::{
    Forecast,
    proto::{
        diagnosis::Cause,
        forecast::{Averter, Condition, Ending, Source},
        name::{ClientName, GrantId},
        time::Timestamp,
    },
};
use serde::Serialize;

use super::time;

#[derive(Debug, Serialize)]
pub(crate) struct ForecastView<'a> {
    grant: GrantId,
    client: &'a ClientName,
    external_id: Option<&'a str>,
    state: &'static str,
    /// The soonest first.
    endings: Vec<EndingView>,
}

#[derive(Debug, Serialize)]
struct EndingView {
    at: String,
    /// Seconds from now; 0 if it should have come already.
    ends_in: u64,
    only_if: Option<Condition>,
    cause: Cause,
    page: String,
    averted_by: Averter,
    source: Source,
    evidence: String,
}

impl<'a> ForecastView<'a> {
    pub(crate) fn new(forecast: &'a Forecast, now: Timestamp) -> Self {
        Self {
            grant: forecast.grant,
            client: &forecast.client,
            external_id: forecast.external_id.as_deref(),
            state: forecast.state,
            endings: forecast.endings.iter().map(|ending| EndingView::new(ending, now)).collect(),
        }
    }
}

impl EndingView {
    fn new(ending: &Ending, now: Timestamp) -> Self {
        Self {
            at: time(ending.at),
            ends_in: ending.at.since(now).as_secs(),
            only_if: ending.only_if,
            cause: ending.cause,
            page: format!("/problems/{}", ending.cause),
            averted_by: ending.averted_by,
            source: ending.source,
            evidence: ending.evidence(),
        }
    }
}
