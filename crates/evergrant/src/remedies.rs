//! How often each remedy worked here, counted from the event log as far as it is new.

use std::sync::PoisonError;

use evergrant_proto::remedy_rates::{Rates, RemedyCount};
use evergrant_store::{EventFilter, StoreError};
use tokio::sync::{Mutex, MutexGuard};

use crate::Keeper;

/// Events that are looked back at when the counting begins: it takes a second at most, however long the log is.
const LOOKBACK: u64 = 100_000;

/// Events read at once.
const PAGE: usize = 2000;

/// The count of one process.
#[derive(Debug, Default)]
pub(crate) struct Remedies {
    progress: Mutex<Progress>,
    /// What was counted last, for whoever does not wait.
    last: std::sync::Mutex<Rates>,
}

/// How far the count has come.
#[derive(Debug, Default)]
struct Progress {
    count: RemedyCount,
    /// The number of the last event that was counted; `None`: none was.
    after: Option<u64>,
}

impl Keeper {
    /// How often each remedy worked in this store, counted from what happened after it was taken. The newest hundred
    /// thousand events are looked back at, then every new one.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn remedy_rates(&self) -> Result<Rates, StoreError> {
        let progress = self.shared.remedies.progress.lock().await;
        self.count_on(progress).await
    }

    /// The same for answers that somebody waits for: while another one is counting, and while the store is away, what was
    /// counted before.
    pub async fn recent_remedy_rates(&self) -> Rates {
        if let Ok(progress) = self.shared.remedies.progress.try_lock()
            && let Ok(rates) = self.count_on(progress).await
        {
            return rates;
        }
        self.known_remedy_rates()
    }

    /// What was counted so far, without asking the store.
    pub fn known_remedy_rates(&self) -> Rates {
        self.shared.remedies.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn count_on(&self, mut progress: MutexGuard<'_, Progress>) -> Result<Rates, StoreError> {
        let mut after = match progress.after {
            Some(after) => after,
            None => self.newest_event().await?.saturating_sub(LOOKBACK),
        };
        loop {
            let events = self.events(everything(after, PAGE)).await?;
            for event in &events {
                progress.count.observe(&event.event);
                after = event.number;
            }
            progress.after = Some(after);
            if events.len() < PAGE {
                let rates = progress.count.rates().clone();
                self.shared.remedies.last.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&rates);
                return Ok(rates);
            }
        }
    }

    /// The number of the newest event, found by halving: the log is read forwards only. 0 if there is none.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn newest_event(&self) -> Result<u64, StoreError> {
        let (mut below, mut above) = (0, 1);
        while self.is_event_after(above).await? {
            below = above;
            above *= 2;
        }
        // Something comes after `below`, or it is 0; nothing comes after `above`.
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            if self.is_event_after(middle).await? {
                below = middle;
            } else {
                above = middle;
            }
        }
        Ok(above)
    }

    async fn is_event_after(&self, number: u64) -> Result<bool, StoreError> {
        Ok(!self.events(everything(number, 1)).await?.is_empty())
    }
}

fn everything(after: u64, limit: usize) -> EventFilter {
    EventFilter { namespace: None, grant: None, after, limit }
}
