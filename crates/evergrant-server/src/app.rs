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

use crate::{
    LinkKey, ServerConfig,
    access::Access,
    extract::Caller,
    link::Repairs,
    metrics::{Journal, Metrics},
    middleware::RequestIds,
    outlook::Outlook,
    problem::{Problem, Reason},
    sse::Hub,
    writable::Writable,
};

mod tenancy;

use tenancy::Tenancy;

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) keeper: Keeper,
    pub(crate) config: ServerConfig,
    pub(crate) access: Access,
    pub(crate) metrics: Metrics,
    pub(crate) journal: Journal,
    /// Signs the links for re-authorization.
    pub(crate) link_key: LinkKey,
    pub(crate) repairs: Repairs,
    pub(crate) outlook: Outlook,
    pub(crate) hub: Hub,
    pub(crate) request_ids: RequestIds,
    pub(crate) writable: Writable,
    tenancy: Tenancy,
    stopping: AtomicBool,
}

impl App {
    pub(crate) fn new(keeper: Keeper, config: ServerConfig) -> Self {
        let started = keeper.clock().now().wall;
        let derived = || LinkKey::new(&keeper.derived_key("links for re-authorization"));
        let link_key = config.link_key.clone().unwrap_or_else(derived);
        Self {
            keeper,
            config,
            access: Access::default(),
            metrics: Metrics::since(started),
            journal: Journal::default(),
            link_key,
            repairs: Repairs::default(),
            outlook: Outlook::default(),
            hub: Hub::default(),
            request_ids: RequestIds::default(),
            writable: Writable::default(),
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

    /// Whether this grant is known to be the caller's.
    pub(crate) fn has_admitted(&self, caller: &Caller, id: GrantId) -> bool {
        self.tenancy.knows(&caller.namespace, id)
    }

    /// Refuses a grant that belongs to another namespace, or to nobody. Remembers what it has seen, so that a token
    /// that is in memory is served without asking the store.
    pub(crate) async fn admit(&self, caller: &Caller, id: GrantId) -> Result<(), Problem> {
        if self.has_admitted(caller, id) {
            return Ok(());
        }
        // Requests for tokens are not counted, but whoever only guesses makes the store work.
        let strays = self.config.rate_limit.map(|limit| (limit, self.keeper.clock().moment()));
        if let Some(wait) = strays.and_then(|(limit, now)| caller.key.usage.strays.wait(limit, now)) {
            return Err(Problem::of(Reason::TooManyRequests).retry_after(wait));
        }
        let found = self.grant(&caller.namespace, id).await;
        match (&found, strays) {
            (Ok(_), _) => self.tenancy.remember(&caller.namespace, id),
            (Err(problem), Some((limit, now))) if problem.reason() == Reason::NoSuchGrant => {
                caller.key.usage.strays.take(limit, now);
            }
            (Err(_), _) => {}
        }
        found.map(drop)
    }

    /// Lets this server know of a change of keys or namespaces at once. If it cannot, it knows within a second of the
    /// store's return.
    pub(crate) async fn see_access(&self) {
        if let Err(error) = self.access.refresh(&self.keeper).await {
            tracing::warn!(target: "evergrant", %error, "API keys cannot be read");
        }
    }
}
