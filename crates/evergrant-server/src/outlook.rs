//! How many grants end soon, for the metrics. Every grant is read for it, so it is counted anew once in ten minutes and
//! not at every look.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use evergrant::{
    Horizon,
    proto::{forecast::Averter, time::Moment},
    store::StoreError,
};

use crate::app::App;

/// How long a count is good for: the shortest span of the metric is a day.
const LIFETIME: Duration = Duration::from_secs(600);

/// The spans, in seconds.
pub(crate) const WITHIN: [u64; 3] = [86_400, 7 * 86_400, 30 * 86_400];

/// Grants that are counted; beyond, nobody would look at the number.
const MOST: usize = 100_000;

/// Grants by span and by what averts their end.
pub(crate) type Ends = BTreeMap<(u64, &'static str), u64>;

#[derive(Debug, Default)]
pub(crate) struct Outlook {
    counted: Mutex<Option<(Moment, Ends)>>,
    counting: AtomicBool,
}

impl Outlook {
    fn last(&self) -> Option<(Moment, Ends)> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The last count. One that is too old is counted anew beside the answer; only the first is waited for.
pub(crate) async fn outlook(app: &Arc<App>) -> Option<Ends> {
    let now = app.keeper.clock().moment();
    let last = app.outlook.last();
    let fresh = last.as_ref().is_some_and(|(at, _)| now.since(*at) < LIFETIME);
    if !fresh && !app.outlook.counting.swap(true, Ordering::Relaxed) {
        let counting = tokio::spawn(recount(Arc::clone(app), now));
        if last.is_none() {
            // A count that fails shows as no number.
            counting.await.unwrap_or_default();
        }
    }
    app.outlook.last().map(|(_, counts)| counts)
}

async fn recount(app: Arc<App>, now: Moment) {
    match count(&app).await {
        Ok(counts) => {
            *app.outlook.counted.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, counts));
        }
        Err(error) => tracing::warn!(target: "evergrant", %error, "the ends of grants cannot be counted"),
    }
    app.outlook.counting.store(false, Ordering::Relaxed);
}

async fn count(app: &App) -> Result<Ends, StoreError> {
    let wall = app.keeper.clock().now().wall;
    let mut counts = Ends::new();
    for within in WITHIN {
        for averter in [Averter::Refresh, Averter::Repair, Averter::Reauthorization] {
            counts.insert((within, name(averter)), 0);
        }
    }
    for namespace in app.access.namespaces() {
        let until = Some(wall.plus(Duration::from_secs(WITHIN[WITHIN.len() - 1])));
        let horizon = Horizon { until, limit: MOST, ..Horizon::of(namespace) };
        for forecast in app.keeper.forecast(&horizon).await? {
            let certain = forecast.endings.iter().find(|ending| ending.only_if.is_none());
            let Some(ending) = certain else { continue };
            let left = ending.at.since(wall).as_secs();
            for within in WITHIN.into_iter().filter(|within| left <= *within) {
                *counts.entry((within, name(ending.averted_by))).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

fn name(averter: Averter) -> &'static str {
    match averter {
        Averter::Refresh => "refresh",
        Averter::Repair => "repair",
        Averter::Reauthorization => "reauthorization",
    }
}
