//! Which namespace a grant belongs to, remembered: it never changes.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use evergrant::proto::name::{GrantId, Namespace};

/// Grants that are remembered: some ten megabytes.
const CAPACITY: usize = 200_000;

#[derive(Debug, Default)]
pub(super) struct Tenancy(RwLock<HashMap<GrantId, Namespace>>);

impl Tenancy {
    pub(super) fn knows(&self, namespace: &Namespace, grant: GrantId) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&grant) == Some(namespace)
    }

    pub(super) fn remember(&self, namespace: &Namespace, grant: GrantId) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Forgetting all of them costs one read of the store each; keeping the order of their use would cost more.
        if known.len() >= CAPACITY {
            known.clear();
        }
        known.insert(grant, namespace.clone());
    }
}
