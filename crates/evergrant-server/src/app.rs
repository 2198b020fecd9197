//! What all routes share.

use std::sync::atomic::{AtomicBool, Ordering};

use evergrant::{
    Keeper,
    proto::{
        grant::GrantRecord,
        name::{GrantId, Namespace},
        remedy_rates::Rates,
    },
};

use crate::{ServerConfig, link::Repairs, metrics::Metrics, outlook::Outlook, problem::Problem};

mod tenancy;

use tenancy::Tenancy;

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) keeper: Keeper,
    pub(crate) config: ServerConfig,
    pub(crate) metrics: Metrics,
    pub(crate) repairs: Repairs,
    pub(crate) outlook: Outlook,
    tenancy: Tenancy,
    stopping: AtomicBool,
}

impl App {
    pub(crate) fn new(keeper: Keeper, config: ServerConfig) -> Self {
        Self {
            keeper,
            config,
            metrics: Metrics::default(),
            repairs: Repairs::default(),
            outlook: Outlook::default(),
            tenancy: Tenancy::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Readiness ends; what is asked is still answered.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The grant, if this namespace has it.
    pub(crate) async fn grant(&self, namespace: &Namespace, id: GrantId) -> Result<GrantRecord, Problem> {
        let found = self.keeper.grant(id).await?;
        found.filter(|grant| grant.namespace == *namespace).ok_or_else(|| Problem::no_such_grant(id))
    }

    /// How often remedies worked here, if any of these grants needs one.
    pub(crate) async fn rates_for(&self, grants: impl IntoIterator<Item = &GrantRecord>) -> Rates {
        let any = grants.into_iter().any(|grant| grant.state.diagnosis().is_some());
        if any { self.keeper.recent_remedy_rates().await } else { Rates::default() }
    }

    /// Refuses a grant that belongs to another namespace, or to nobody. Remembers what it has seen, so that a token
    /// that is in memory is served without asking the store.
    pub(crate) async fn admit(&self, namespace: &Namespace, id: GrantId) -> Result<(), Problem> {
        if !self.tenancy.knows(namespace, id) {
            self.grant(namespace, id).await?;
            self.tenancy.remember(namespace, id);
        }
        Ok(())
    }
}
