//! Who is let in: every API key that is good, in memory, by its digest.
//!
//! No request waits for the store to be let in. The keys are read when the server starts, whenever this server changes
//! one, and every second if any process has: [`upkeep`]. While the store is away the keys of the last look count.

mod keys;
mod limit;
pub(crate) mod upkeep;

use std::sync::{Arc, PoisonError, RwLock};

use evergrant::{Keeper, proto::name::Namespace, store::StoreError};

use crate::api_key::digest_of;

pub use self::limit::RateLimit;
pub(crate) use self::{
    keys::{Key, Keys},
    limit::Standing,
};

#[derive(Debug, Default)]
pub(crate) struct Access {
    /// `None`: they have not been read yet.
    keys: RwLock<Option<Arc<Keys>>>,
}

/// Why a key is not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotFound {
    /// There is none such.
    Unknown,
    /// Nobody knows: the keys have not been read yet.
    NotRead,
}

impl Access {
    /// The key that was presented.
    pub(crate) fn find(&self, presented: &str) -> Result<Arc<Key>, NotFound> {
        let digest = digest_of(presented);
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.as_ref().ok_or(NotFound::NotRead)?.find(digest).ok_or(NotFound::Unknown)
    }

    /// Whether there is such a namespace.
    pub(crate) fn has_namespace(&self, namespace: &Namespace) -> bool {
        self.current().is_some_and(|keys| keys.namespaces.contains(namespace))
    }

    /// The namespace of whoever sees all and names none.
    pub(crate) fn default_namespace(&self) -> Namespace {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.as_ref().map(|keys| keys.default.clone()).unwrap_or_default()
    }

    /// Every namespace.
    pub(crate) fn namespaces(&self) -> Vec<Namespace> {
        self.current().map(|keys| keys.namespaces.iter().cloned().collect()).unwrap_or_default()
    }

    /// Reads the keys anew if any process has changed one.
    pub(crate) async fn refresh(&self, keeper: &Keeper) -> Result<(), StoreError> {
        let known = self.current().map(|keys| keys.version);
        let Some(access) = keeper.access(known).await? else { return Ok(()) };
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        // Another look may have been quicker.
        if keys.as_ref().is_none_or(|keys| keys.version < access.version) {
            *keys = Some(Arc::new(Keys::of(access, keys.as_deref())));
        }
        Ok(())
    }

    pub(crate) fn current(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
