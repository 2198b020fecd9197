//! An event of the log.

use evergrant::{
    proto::{
        grant::EventKind,
        name::{AttemptId, ClientName, Generation, GrantId},
        remedy_rates::Rates,
    },
    store::NumberedEvent,
};
use serde::Serialize;

use super::{DiagnosisView, time};

#[derive(Debug, Serialize)]
pub(crate) struct EventView<'a> {
    number: u64,
    at: String,
    kind: EventKind,
    client: &'a ClientName,
    grant: Option<GrantId>,
    generation: Option<Generation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<AttemptId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<DiagnosisView<'a>>,
    /// When the grant ends, of a warning of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

impl<'a> EventView<'a> {
    pub(crate) fn new(NumberedEvent { number, event }: &'a NumberedEvent, rates: &Rates) -> Self {
        Self {
            number: *number,
            at: time(event.at),
            kind: event.kind,
            client: &event.client,
            grant: event.grant,
            generation: event.generation,
            attempt: event.attempt,
            diagnosis: event.diagnosis.as_ref().map(|diagnosis| DiagnosisView::new(diagnosis, rates)),
            expires_at: event.expires_at.map(time),
        }
    }
}
