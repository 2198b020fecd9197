//! A grant, without its credential.

use std::collections::BTreeMap;

use evergrant::proto::{
    grant::{Degradation, GrantRecord, GrantState},
    name::{ClientName, Generation, GrantId},
    remedy_rates::Rates,
};
use serde::Serialize;

use super::{DiagnosisView, list, time};

#[derive(Debug, Serialize)]
pub(crate) struct GrantView<'a> {
    id: GrantId,
    client: &'a ClientName,
    state: &'static str,
    /// What keeps a degraded grant from refreshing.
    #[serde(skip_serializing_if = "Option::is_none")]
    degradation: Option<Degradation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<DiagnosisView<'a>>,
    external_id: Option<&'a str>,
    labels: &'a BTreeMap<String, String>,
    /// The account, as the provider names it.
    subject: Option<&'a str>,
    tenant: Option<&'a str>,
    requested_scopes: Vec<&'a str>,
    granted_scopes: Vec<&'a str>,
    generation: Generation,
    created_at: String,
    last_success_at: String,
    /// When it is refreshed next by itself.
    next_refresh_at: Option<String>,
    /// When it ends at the latest, however often it is used; `null`: nobody said.
    ends_at: Option<String>,
    /// The warning of that end has been given, with an `expires_soon` event: its resource owner should authorize again.
    expires_soon: bool,
    /// Transient failures since the last success.
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<RevocationView>,
}

#[derive(Debug, Serialize)]
struct RevocationView {
    requested_at: String,
    /// Absent while the provider has not confirmed.
    confirmed_at: Option<String>,
}

impl<'a> GrantView<'a> {
    pub(crate) fn new(grant: &'a GrantRecord, rates: &Rates) -> Self {
        let degradation = match &grant.state {
            GrantState::Degraded { reason, .. } => Some(*reason),
            _ => None,
        };
        Self {
            id: grant.id,
            client: &grant.client,
            state: grant.state.name(),
            degradation,
            diagnosis: grant.state.diagnosis().map(|diagnosis| DiagnosisView::new(diagnosis, rates)),
            external_id: grant.owner.external_id.as_deref(),
            labels: &grant.owner.labels,
            subject: grant.owner.subject.as_deref(),
            tenant: grant.owner.tenant.as_deref(),
            requested_scopes: list(&grant.requested),
            granted_scopes: list(&grant.granted),
            generation: grant.generation,
            created_at: time(grant.created_at),
            last_success_at: time(grant.last_success_at),
            next_refresh_at: grant.next_due_at.map(time),
            ends_at: grant.life.ends_at.map(time),
            expires_soon: grant.life.has_warned(),
            failures: grant.failures,
            revocation: grant.revocation.map(|revocation| RevocationView {
                requested_at: time(revocation.requested_at),
                confirmed_at: revocation.confirmed_at.map(time),
            }),
        }
    }
}
