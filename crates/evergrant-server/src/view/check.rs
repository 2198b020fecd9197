//! What a check of a grant found.

use evergrant::{
    Checked,
    proto::{name::GrantId, probe::Told, remedy_rates::Rates},
};
use serde::Serialize;

use super::DiagnosisView;

#[derive(Debug, Serialize)]
pub(crate) struct CheckView<'a> {
    grant: GrantId,
    state: &'static str,
    /// `null`: nobody could tell.
    alive: Option<bool>,
    /// What was asked and answered; empty where nothing can be asked without spending something.
    asked: &'a [Told],
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<DiagnosisView<'a>>,
}

impl<'a> CheckView<'a> {
    pub(crate) fn new(checked: &'a Checked, rates: &Rates) -> Self {
        Self {
            grant: checked.grant.id,
            state: checked.grant.state.name(),
            alive: checked.alive,
            asked: &checked.told,
            diagnosis: checked.diagnosis.as_ref().map(|diagnosis| DiagnosisView::new(diagnosis, rates)),
        }
    }
}
