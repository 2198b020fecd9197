//! What happened to grants and clients, counted from the log of events. Whichever process on the store did it: a failure
//! counts where it is looked at, too.

use std::collections::BTreeMap;

use evergrant::{
    Keeper,
    store::{EventFilter, StoreError},
};
use tokio::sync::Mutex;

/// Events by kind and by the cause of trouble, which is empty where there was none.
pub(crate) type Happened = BTreeMap<(String, &'static str), u64>;

/// Events read at once.
const PAGE: usize = 1000;

/// Pages that one answer reads; the next one reads on.
const PAGES: usize = 50;

#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Progress>);

#[derive(Debug, Default)]
struct Progress {
    /// The number of the last event that was counted; `None`: nothing was yet.
    after: Option<u64>,
    happened: Happened,
}

impl Journal {
    /// What was counted, up to now. Begins with the first call.
    pub(crate) async fn count_on(&self, keeper: &Keeper) -> Result<Happened, StoreError> {
        let mut progress = self.0.lock().await;
        let mut after = match progress.after {
            Some(after) => after,
            None => keeper.newest_event().await?,
        };
        progress.after = Some(after);
        for _ in 0..PAGES {
            let filter = EventFilter { namespace: None, grant: None, after, limit: PAGE };
            let events = keeper.events(filter).await?;
            for event in &events {
                let cause = event.event.diagnosis.as_ref().map_or("", |diagnosis| diagnosis.cause.as_str());
                let kind = serde_json::to_value(event.event.kind).unwrap_or_default();
                let kind = kind.as_str().unwrap_or_default().to_owned();
                *progress.happened.entry((kind, cause)).or_default() += 1;
                after = event.number;
            }
            progress.after = Some(after);
            if events.len() < PAGE {
                break;
            }
        }
        Ok(progress.happened.clone())
    }
}
