//! A diagnosis, with its words.

use evergrant::proto::{
    diagnosis::{Action, Diagnosis},
    remedy_rates::{Rate, Rates},
};
use evergrant_explain::explanation::{Check, checks};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct DiagnosisView<'a> {
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    /// What the cause means, in one sentence.
    meaning: &'static str,
    /// The page of the cause.
    page: String,
    /// What tells the candidates apart, one look each; empty where there is one only.
    checks: Vec<Check>,
    /// How often its remedies worked here; empty: none was taken here yet, or no end of it is known.
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
    /// With what was counted, so that no face of a diagnosis goes without it.
    pub(crate) fn new(diagnosis: &'a Diagnosis, rates: &Rates) -> Self {
        let measured = rates.of_remedies(diagnosis).into_iter();
        Self {
            diagnosis,
            meaning: diagnosis.cause.meaning(),
            page: format!("/problems/{}", diagnosis.cause),
            checks: checks(diagnosis),
            measured: measured
                .map(|(action, Rate { worked, tried })| MeasuredView { action, worked, tried })
                .collect(),
        }
    }
}
