//! Which grants end when if nobody acts.

use std::collections::{BTreeMap, HashMap, HashSet};

use evergrant_proto::{
    client::ClientRecord,
    forecast::{Ending, authorized_at, endings},
    grant::{GrantRecord, GrantState},
    name::{ClientName, GrantId, Namespace},
    time::Timestamp,
};
use evergrant_store::{GrantFilter, StoreError};

use crate::Keeper;

/// Grants read at once.
const PAGE: usize = 500;

/// What to forecast.
#[derive(Debug, Clone)]
pub struct Horizon {
    /// The tenant boundary.
    pub namespace: Namespace,
    /// Only those of this client.
    pub client: Option<ClientName>,
    /// Only ends up to this time.
    pub until: Option<Timestamp>,
    /// At most so many grants, the soonest.
    pub limit: usize,
}

/// A grant that has an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// The grant.
    pub grant: GrantId,
    /// Its client.
    pub client: ClientName,
    /// The caller's own id of the person.
    pub external_id: Option<String>,
    /// Its state, by name.
    pub state: &'static str,
    /// How it can end, the soonest first; at least one.
    pub endings: Vec<Ending>,
}

impl Keeper {
    /// The grants that have a known end, the soonest first. Costs a read of each grant of the namespace.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn forecast(&self, horizon: &Horizon) -> Result<Vec<Forecast>, StoreError> {
        let clients = self.clients(&horizon.namespace).await?;
        let clients: HashMap<_, _> =
            clients.into_iter().map(|client| (client.name.clone(), client)).collect();
        let published = self.published(horizon, &clients).await?;
        let mut soonest = BTreeMap::new();
        let mut filter = horizon.filter();
        loop {
            let page = self.grants(filter.clone()).await?;
            filter.after = page.last().map(|grant| grant.id);
            let full = page.len() == PAGE;
            for grant in page.iter().filter(|grant| lives(grant)) {
                let published = published.contains(&grant.client);
                if let Some(forecast) = self.forecast_of(grant.id, published, horizon.until).await? {
                    soonest.insert((forecast.endings[0].at, grant.id), forecast);
                }
                if soonest.len() > horizon.limit {
                    soonest.pop_last();
                }
            }
            if !full {
                return Ok(soonest.into_values().collect());
            }
        }
    }

    /// What was announced is sealed with the tokens: each grant is read by itself.
    async fn forecast_of(
        &self,
        id: GrantId,
        published: bool,
        until: Option<Timestamp>,
    ) -> Result<Option<Forecast>, StoreError> {
        let Some((grant, client)) = self.shared.store.grant(id).await? else { return Ok(None) };
        let mut endings = endings(&grant, &client.provider, published);
        endings.retain(|ending| until.is_none_or(|until| ending.at <= until));
        if endings.is_empty() {
            return Ok(None);
        }
        Ok(Some(Forecast {
            grant: id,
            client: grant.client,
            external_id: grant.owner.external_id,
            state: grant.state.name(),
            endings,
        }))
    }

    /// Clients with a grant that has outlived the testing of an application: these are published.
    async fn published(
        &self,
        horizon: &Horizon,
        clients: &HashMap<ClientName, ClientRecord>,
    ) -> Result<HashSet<ClientName>, StoreError> {
        let mut published = HashSet::new();
        let testing = |client: &ClientName| clients.get(client)?.provider.lifetimes.testing;
        if clients.keys().all(|client| testing(client).is_none()) {
            return Ok(published);
        }
        let mut filter = horizon.filter();
        loop {
            let page = self.grants(filter.clone()).await?;
            filter.after = page.last().map(|grant| grant.id);
            for grant in page.iter().filter(|grant| grant.state == GrantState::Active) {
                let age = authorized_at(grant).map(|from| grant.last_success_at.since(from));
                let outlived = testing(&grant.client).zip(age).is_some_and(|(testing, age)| {
                    // A day more than the testing lasts: clocks, and the provider's own sweeps.
                    age > testing + testing / 7
                });
                if outlived {
                    published.insert(grant.client.clone());
                }
            }
            if page.len() < PAGE {
                return Ok(published);
            }
        }
    }
}

impl Horizon {
    /// Ends of a namespace, however far: of the thousand grants that end soonest.
    pub fn of(namespace: Namespace) -> Self {
        Self { namespace, client: None, until: None, limit: 1000 }
    }

    fn filter(&self) -> GrantFilter {
        GrantFilter { client: self.client.clone(), ..GrantFilter::all(self.namespace.clone(), PAGE) }
    }
}

fn lives(grant: &GrantRecord) -> bool {
    !matches!(grant.state, GrantState::NeedsReauthorization { .. } | GrantState::Revoked)
}
