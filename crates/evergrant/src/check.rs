//! Asking a provider whether a grant lives, without spending anything of it.

use std::time::Duration;

use evergrant_proto::{
    client::ClientRecord,
    diagnosis::Diagnosis,
    grant::{GrantRecord, GrantState},
    name::GrantId,
    probe::{Probe, Told, diagnosis, verdict},
    transaction::Conflict,
};
use evergrant_store::StoreError;

use crate::Keeper;

/// Longest exchange of a probe.
const EXCHANGE: Duration = Duration::from_secs(15);

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
    /// userinfo with an access token that has not expired. Never a refresh; nothing in the store changes.
    ///
    /// # Errors
    ///
    /// No such grant, it was revoked by us, or the store is away.
    pub async fn check(&self, id: GrantId) -> Result<Checked, StoreError> {
        let (grant, client) = self.kept(id).await?;
        let told = self.probe(&grant, &client).await;
        let (after, newer) = self.kept(id).await?;
        if after.generation == grant.generation {
            return Ok(self.checked(after, &newer, told));
        }
        // It was refreshed meanwhile: what was said is about the token before.
        let told = self.probe(&after, &newer).await;
        Ok(self.checked(after, &newer, told))
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
