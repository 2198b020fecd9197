//! An authorization, without what would let somebody finish it.

use evergrant::proto::{
    authorization::{AuthorizationRecord, AuthorizationStatus},
    name::{AuthorizationId, ClientName, GrantId},
    remedy_rates::Rates,
    time::Timestamp,
};
use serde::Serialize;

use super::{DiagnosisView, list, time};

#[derive(Debug, Serialize)]
pub(crate) struct AuthorizationView<'a> {
    id: AuthorizationId,
    client: &'a ClientName,
    /// `open`, `exchanging`, `connected`, `wrong_account`, `failed` or `expired`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// What the reason means, where the provider's answer tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<DiagnosisView<'a>>,
    /// The grant that it led to; before that, the one to be repaired.
    grant: Option<GrantId>,
    scopes: Vec<&'a str>,
    created_at: String,
    expires_at: String,
}

impl<'a> AuthorizationView<'a> {
    pub(crate) fn new(record: &'a AuthorizationRecord, rates: &Rates, now: Timestamp) -> Self {
        let (state, reason) = match &record.status {
            AuthorizationStatus::Open if now >= record.expires_at => ("expired", None),
            AuthorizationStatus::Open => ("open", None),
            AuthorizationStatus::Exchanging(_) => ("exchanging", None),
            AuthorizationStatus::Connected => ("connected", None),
            AuthorizationStatus::WrongAccount => ("wrong_account", None),
            AuthorizationStatus::Failed { reason, .. } => ("failed", Some(reason.as_str())),
        };
        let diagnosis = match &record.status {
            AuthorizationStatus::Failed { diagnosis, .. } => diagnosis.as_deref(),
            _ => None,
        };
        Self {
            id: record.id,
            client: &record.client,
            state,
            reason,
            diagnosis: diagnosis.map(|diagnosis| DiagnosisView::new(diagnosis, rates)),
            grant: record.result.or(record.grant),
            scopes: list(&record.scopes),
            created_at: time(record.created_at),
            expires_at: time(record.expires_at),
        }
    }
}
