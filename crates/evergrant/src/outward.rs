//! What goes outward by itself: the event log as it grows, and webhooks.

use std::sync::Arc;

use evergrant_store::{EventLog, StoreError, webhook::WebhookStore};
use tokio::sync::watch;

use crate::{Carrier, Keeper};

impl Keeper {
    /// How far the event log goes.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn event_log(&self) -> Result<EventLog, StoreError> {
        self.shared.store.event_log().await
    }

    /// Changes after whatever this process has written into the store. What other processes write is not told: look now
    /// and then.
    pub fn news(&self) -> watch::Receiver<()> {
        self.shared.store.news()
    }

    /// A key for a purpose of its own, the same in every process of this store, such as the one that signs links.
    pub fn derived_key(&self, purpose: &str) -> [u8; 32] {
        self.shared.store.derived_key(purpose)
    }

    /// Webhooks, and what they are to be told.
    pub fn webhooks(&self) -> &dyn WebhookStore {
        self.shared.store.webhooks()
    }

    /// What carries requests, with its guard.
    pub fn carrier(&self) -> &Arc<dyn Carrier> {
        &self.shared.carrier
    }
}
