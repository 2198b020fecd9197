//! A diagnosis, with its words.

use evergrant::proto::diagnosis::Diagnosis;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct DiagnosisView<'a> {
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    /// What the cause means, in one sentence.
    meaning: &'static str,
    /// The page of the cause.
    page: String,
}

impl<'a> DiagnosisView<'a> {
    pub(crate) fn new(diagnosis: &'a Diagnosis) -> Self {
        let page = format!("/problems/{}", diagnosis.cause);
        Self { diagnosis, meaning: diagnosis.cause.meaning(), page }
    }
}
