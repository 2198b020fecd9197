//! Whether the store can be written: found out by writing, and remembered for a moment, since nobody who asks has a key.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use evergrant::{Keeper, proto::time::Moment, store::StoreError};
use tokio::sync::Mutex;

/// How long an answer holds: however often it is asked for, so seldom something is written for it.
const HOLDS_FOR: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Writable {
    /// What was found last, and until when it holds.
    found: Mutex<Option<(Moment, Result<(), StoreError>)>>,
    /// Somebody has met a store that is not available.
    troubled: AtomicBool,
}

impl Writable {
    /// Asks the store, unless it was asked just now.
    pub(crate) async fn check(&self, keeper: &Keeper) -> Result<(), StoreError> {
        let mut found = self.found.lock().await;
        let now = keeper.clock().moment();
        if let Some((until, result)) = &*found
            && now < *until
        {
            return result.clone();
        }
        let result = keeper.check_writable().await;
        *found = Some((now.plus(HOLDS_FOR), result.clone()));
        result
    }

    /// A request has met a store that is not available, for this reason. Told once, until it is over.
    pub(crate) fn met_trouble(&self, detail: &str) {
        if !self.troubled.swap(true, Ordering::Relaxed) {
            tracing::error!(target: "evergrant", detail, "the store is not available");
        }
    }

    /// Looks whether it is over.
    pub(crate) async fn look(&self, keeper: &Keeper) {
        if self.troubled.load(Ordering::Relaxed) && keeper.check_writable().await.is_ok() {
            self.troubled.store(false, Ordering::Relaxed);
            tracing::info!(target: "evergrant", "the store is available again");
        }
    }
}
