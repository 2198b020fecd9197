//! Asking a provider whether a grant lives, without spending anything of it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use evergrant_proto::{
    client::ClientRecord,
    diagnosis::Diagnosis,
    grant::{GrantRecord, GrantState},
    name::GrantId,
    probe::{Probe, Told, diagnosis, verdict},
    time::Moment,
    transaction::{Conflict, unrenewable},
};
use evergrant_store::StoreError;

use crate::Keeper;

impl Keeper {
    /// Why a grant cannot be renewed for which no refresh token was issued. `None`: it has one, or the store is away.
    pub async fn why_not_refreshable(&self, grant: GrantId) -> Option<Diagnosis> {
        let grant = self.grant(grant).await.ok().flatten()?;
        let client = self.client(&grant.namespace, &grant.client).await.ok().flatten()?;
        (grant.state == GrantState::NotRefreshable).then(|| unrenewable(&grant, &client.provider))
    }
}

/// Longest exchange of a probe.
const EXCHANGE: Duration = Duration::from_secs(15);

/// What was told so recently is the answer: a caller that asks in a loop does not make us ask a provider in one.
const RECENT: Duration = Duration::from_secs(5);

/// Checks that are remembered at once.
const REMEMBERED: usize = 1024;

/// What was told a moment ago, by grant.
#[derive(Debug, Default)]
pub(crate) struct Checks(Mutex<HashMap<GrantId, (Moment, Checked)>>);

impl Checks {
    /// What is still good of a grant that is as it was then.
    fn recent(&self, grant: &GrantRecord, now: Moment) -> Option<Checked> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, checked) = known.get(&grant.id)?;
        let unchanged = checked.grant.generation == grant.generation && checked.grant.state == grant.state;
        (unchanged && now.since(*at) < RECENT).then(|| checked.clone())
    }

    fn remember(&self, checked: &Checked, now: Moment) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, (at, _)| now.since(*at) < RECENT);
        }
        if known.len() < REMEMBERED {
            known.insert(checked.grant.id, (now, checked.clone()));
        }
    }
}

/// What a check found. The grant is as it was before: a probe is a reason to suspect, and changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The grant, without its secrets.
    pub grant: GrantRecord,
    /// Whether it lives, as the provider tells; `None`: nobody could tell.
    pub alive: Option<bool>,
    /// What was asked and answered; empty where nothing can be asked without spending something.
    pub told: Vec<Told>,
    /// What is wrong with it; `None`: nothing, as far as anybody knows.
    pub diagnosis: Option<Diagnosis>,
}

impl Keeper {
    /// Asks the provider whether a grant lives: introspection of the refresh token (RFC 7662) where it is offered, else
    /// userinfo with an access token that has not expired. Never a refresh; nothing in the store changes. Asked again
    /// within five seconds, it gives the same answer.
    ///
    /// # Errors
    ///
    /// No such grant, it was revoked by us, or the store is away.
    pub async fn check(&self, id: GrantId) -> Result<Checked, StoreError> {
        let (grant, client) = self.kept(id).await?;
        if let Some(checked) = self.shared.checks.recent(&grant, self.clock().moment()) {
            return Ok(checked);
        }
        let mut told = self.probe(&grant, &client).await;
        let (after, newer) = self.kept(id).await?;
        if after.generation != grant.generation {
            // It was refreshed meanwhile: what was said is about the token before.
            told = self.probe(&after, &newer).await;
        }
        let checked = self.checked(after, &newer, told);
        self.shared.checks.remember(&checked, self.clock().moment());
        Ok(checked)
    }

    async fn kept(&self, id: GrantId) -> Result<(GrantRecord, ClientRecord), StoreError> {
        let found = self.shared.store.grant(id).await?;
        let (grant, client) = found.ok_or(Conflict::NoSuchGrant)?;
        if grant.removed_at.is_some() {
            return Err(Conflict::NoSuchGrant.into());
        }
        if grant.state == GrantState::Revoked {
            return Err(Conflict::Revoked.into());
        }
        Ok((grant, client))
    }

    /// Asks until somebody tells.
    async fn probe(&self, grant: &GrantRecord, client: &ClientRecord) -> Vec<Told> {
        let mut told = Vec::new();
        for probe in [Probe::Introspection, Probe::Userinfo] {
            let now = self.clock().now();
            let Some(request) = probe.request(grant, client, now.wall) else { continue };
            let answer = self.shared.carrier.send(request, now.moment.plus(EXCHANGE), EXCHANGE).await;
            let answer = probe.read(&answer, grant, client);
            let settled = answer.alive.is_some();
            told.push(answer);
            if settled {
                break;
            }
        }
        told
    }

    fn checked(&self, grant: GrantRecord, client: &ClientRecord, told: Vec<Told>) -> Checked {
        let diagnosis = diagnosis(&grant, client, &told, self.clock().now().wall);
        Checked { alive: verdict(&told), diagnosis, told, grant: without_secrets(grant) }
    }
}

fn without_secrets(mut grant: GrantRecord) -> GrantRecord {
    grant.credential = None;
    grant.predecessor = None;
    grant.spares.clear();
    grant.access.clear();
    grant
}
