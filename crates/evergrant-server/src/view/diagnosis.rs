//! A diagnosis, with its words.

use evergrant::proto::{
    diagnosis::{Action, Diagnosis},
    remedy_rates::Rates,
};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct DiagnosisView<'a> {
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    /// What the cause means, in one sentence.
    meaning: &'static str,
    /// The page of the cause.
    page: String,
    /// How often its remedies worked here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    measured: Vec<MeasuredView>,
}

/// How often a remedy worked here, counted from what happened next.
#[derive(Debug, Serialize)]
struct MeasuredView {
    action: Action,
    worked: u64,
    tried: u64,
}

impl<'a> DiagnosisView<'a> {
    pub(crate) fn new(diagnosis: &'a Diagnosis) -> Self {
        let page = format!("/problems/{}", diagnosis.cause);
        Self { diagnosis, meaning: diagnosis.cause.meaning(), page, measured: Vec::new() }
    }

    /// The same with what was counted.
    pub(crate) fn measured(mut self, rates: &Rates) -> Self {
        let mut actions: Vec<_> = self.diagnosis.remedies.iter().map(|remedy| remedy.action).collect();
        actions.dedup();
        for action in actions {
            if let Some(rate) = rates.of(self.diagnosis.cause, action) {
                self.measured.push(MeasuredView { action, worked: rate.worked, tried: rate.tried });
            }
        }
        self
    }
}
