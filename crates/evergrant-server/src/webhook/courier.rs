//! The process that delivers.

use std::{collections::BTreeSet, future::Future, pin::pin, sync::Arc, time::Duration};

use evergrant::{
    proto::time::{Moment, Timestamp},
    store::{
        EventFilter, StoreError,
        webhook::{Lead, News, Outbox, Outcome, Parcel, Settled, Wanted, WebhookId},
    },
};
use tokio::task::{JoinError, JoinSet};

use super::{
    exchange::{self, Envelope, Verdict},
    incident, outbox, payload, schedule,
};
use crate::{app::App, random};

/// How often the log and the deliveries are looked at when nothing wakes the courier: for what other processes write.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the courier lets news gather: under load every refresh is news, and few are anybody's.
const GATHER: Duration = Duration::from_millis(50);

/// How often a process that is not the courier asks whether it may be.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// How often a courier that works says that it does: several times within its lease.
const RENEW_EVERY: Duration = Duration::from_secs(20);

/// Deliveries under way at once.
const UNDER_WAY: usize = 256;

/// Deliveries under way to one webhook: a slow receiver keeps the others waiting as little as it is kept busy.
const EACH: usize = 16;

/// Events read at once.
const PAGE: usize = 500;

/// Events without news after which the cursor is written: reading them again after a crash takes a moment, and writing it
/// for every refresh would cost the refreshes.
const CURSOR_EVERY: u64 = 10_000;

/// How long messages can be replayed.
const KEPT_FOR: Duration = Duration::from_secs(30 * 86_400);

/// Delivers until `stop` completes, then sees through what is under way.
pub(crate) async fn deliver(app: Arc<App>, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let clock = Arc::clone(app.keeper.clock());
    let mut news = app.keeper.news();
    let mut courier = Courier::new(app);
    loop {
        news.borrow_and_update();
        let wait = courier.turn().await;
        let gathered = clock.moment().plus(GATHER);
        tokio::select! {
            () = &mut stop => break,
            Some(landed) = courier.flights.join_next() => courier.land(landed),
            () = clock.wait_until(clock.moment().plus(wait)) => {}
            () = async {
                // A store that is gone has no news.
                let _ = news.changed().await;
                clock.wait_until(gathered).await;
            }, if courier.leads_or_may() => {}
        }
    }
    courier.finish().await;
}

struct Courier {
    app: Arc<App>,
    lead: Option<Leading>,
    /// The last event that was looked at; behind the cursor that is written.
    seen: u64,
    flights: JoinSet<Settled>,
    under_way: BTreeSet<(WebhookId, u64)>,
    /// What has ended and is not written yet.
    landed: Vec<Settled>,
    /// The webhook that had its turn last.
    after: Option<WebhookId>,
    /// Another process is the courier: when to ask again.
    ask_at: Option<Moment>,
    /// The store was away: said once.
    troubled: bool,
}

#[derive(Clone, Copy)]
struct Leading {
    lead: Lead,
    renew_at: Moment,
}

impl Courier {
    fn new(app: Arc<App>) -> Self {
        Self {
            app,
            lead: None,
            seen: 0,
            flights: JoinSet::new(),
            under_way: BTreeSet::new(),
            landed: Vec::new(),
            after: None,
            ask_at: None,
            troubled: false,
        }
    }

    fn leads_or_may(&self) -> bool {
        self.ask_at.is_none()
    }

    /// Does what there is to do; how long until there may be more.
    async fn turn(&mut self) -> Duration {
        let outcome = self.work().await;
        match &outcome {
            Err(error) if !self.troubled => {
                tracing::warn!(target: "evergrant::webhook", %error, "webhooks wait for the store");
            }
            _ => {}
        }
        self.troubled = outcome.is_err();
        outcome.unwrap_or(LOOK_EVERY)
    }

    async fn work(&mut self) -> Result<Duration, StoreError> {
        self.settle().await?;
        let found = self.app.keeper.webhooks().outbox().await?;
        let now = self.app.keeper.clock().now();
        let is_due = found.due.is_some_and(|due| due <= now.wall);
        self.seen = self.seen.max(found.cursor);
        if !found.wanted || found.newest <= self.seen && !is_due {
            self.ask_at = None;
            return Ok(until(found.due.filter(|_| found.wanted), now.wall));
        }
        if !self.leads(now.moment).await? {
            return Ok(ASK_EVERY);
        }
        if found.newest > self.seen {
            self.tell(found).await?;
        }
        self.dispatch().await?;
        let next = self.app.keeper.webhooks().outbox().await?.due;
        // What is due and could not go out waits for a delivery to land.
        Ok(until(next.filter(|due| *due > now.wall), now.wall))
    }

    /// Whether this process is the courier, or has become it.
    async fn leads(&mut self, moment: Moment) -> Result<bool, StoreError> {
        if self.lead.is_some_and(|leading| moment < leading.renew_at) {
            return Ok(true);
        }
        if self.ask_at.is_some_and(|at| moment < at) {
            return Ok(false);
        }
        let lead = self.app.keeper.webhooks().lead().await?;
        self.ask_at = if lead.is_none() { Some(moment.plus(ASK_EVERY)) } else { None };
        self.lead = lead.map(|lead| Leading { lead, renew_at: moment.plus(RENEW_EVERY) });
        Ok(self.lead.is_some())
    }

    /// Turns events into messages, a page at a time.
    async fn tell(&mut self, found: Outbox) -> Result<(), StoreError> {
        let Some(Leading { lead, .. }) = self.lead else { return Ok(()) };
        let (keeper, mut from) = (&self.app.keeper, found.cursor);
        loop {
            let filter = EventFilter { namespace: None, grant: None, after: self.seen, limit: PAGE };
            let events = keeper.events(filter).await?;
            let Some(last) = events.last().map(|event| event.number) else { return Ok(()) };
            let subjects = events.iter().flat_map(|event| incident::subjects(&event.event)).collect();
            let mut open = keeper.webhooks().incidents(subjects).await?;
            let wall = keeper.clock().now().wall;
            let mut news = News {
                from,
                to: last,
                messages: Vec::new(),
                incidents: std::collections::BTreeMap::new(),
                forget_before: wall.minus(KEPT_FOR),
            };
            outbox::translate(keeper, &self.app.config, &events, &mut open, &mut news).await?;
            let telling = !news.incidents.is_empty() || !news.messages.is_empty();
            if telling || last - from >= CURSOR_EVERY {
                if !keeper.webhooks().note(lead, news).await? {
                    // Another process has taken over: it begins at the cursor that is written.
                    self.lead = None;
                    self.seen = 0;
                    return Ok(());
                }
                from = last;
            }
            self.seen = last;
            if events.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Sends what may go out.
    async fn dispatch(&mut self) -> Result<(), StoreError> {
        let room = UNDER_WAY.saturating_sub(self.flights.len());
        if room == 0 || self.lead.is_none() {
            return Ok(());
        }
        let wanted = Wanted {
            now: self.app.keeper.clock().now().wall,
            under_way: self.under_way.clone(),
            each: EACH,
            limit: room,
            after: self.after,
        };
        for parcel in self.app.keeper.webhooks().parcels(wanted).await? {
            self.after = Some(parcel.webhook.id);
            self.under_way.insert((parcel.webhook.id, parcel.number));
            self.flights.spawn(carry(Arc::clone(&self.app), parcel));
        }
        Ok(())
    }

    /// Takes what has ended.
    fn land(&mut self, first: Result<Settled, JoinError>) {
        let mut next = Some(first);
        while let Some(landed) = next {
            match landed {
                Ok(settled) => self.landed.push(settled),
                Err(error) => self.start_over(&error),
            }
            next = self.flights.try_join_next();
        }
    }

    /// After a defect in a delivery nobody knows which one it was: all that are under way go out again.
    fn start_over(&mut self, error: &JoinError) {
        tracing::error!(target: "evergrant::webhook", %error, "a delivery broke off: a defect of this server");
        self.flights = JoinSet::new();
        self.under_way.clear();
    }

    /// Writes what has ended, all of it at once.
    async fn settle(&mut self) -> Result<(), StoreError> {
        if self.landed.is_empty() {
            return Ok(());
        }
        let settled = std::mem::take(&mut self.landed);
        let Some(Leading { lead, .. }) = self.lead else {
            self.forget(&settled);
            return Ok(());
        };
        match self.app.keeper.webhooks().settle(lead, settled.clone()).await {
            Ok(written) => {
                self.forget(&settled);
                if !written {
                    self.lead = None;
                    self.seen = 0;
                }
                Ok(())
            }
            Err(error) => {
                // Written again as soon as the store is back: what was delivered is not delivered twice.
                self.landed = settled;
                Err(error)
            }
        }
    }

    fn forget(&mut self, settled: &[Settled]) {
        for Settled { webhook, number, .. } in settled {
            self.under_way.remove(&(*webhook, *number));
        }
    }

    async fn finish(mut self) {
        while let Some(landed) = self.flights.join_next().await {
            self.land(landed);
        }
        let settled = self.settle().await;
        if let (Ok(()), Some(Leading { lead, .. })) = (&settled, self.lead)
            && let Err(error) = self.app.keeper.webhooks().resign(lead).await
        {
            tracing::debug!(target: "evergrant::webhook", %error, "the courier's place ends by itself");
        }
    }
}

/// How long to wait for what is due, at most as long as between two looks.
fn until(due: Option<Timestamp>, now: Timestamp) -> Duration {
    due.map_or(LOOK_EVERY, |due| due.since(now).min(LOOK_EVERY))
}

async fn carry(app: Arc<App>, parcel: Parcel) -> Settled {
    let now = app.keeper.clock().now();
    let carrier = app.config.webhook_carrier.as_ref().unwrap_or(app.keeper.carrier());
    let envelope = Envelope {
        url: &parcel.webhook.url,
        secrets: &parcel.secrets,
        id: parcel.message.id,
        body: payload::body(&parcel.message, &app, now.wall),
    };
    let patience = app.config.webhook_patience;
    let verdict = exchange::send(&**carrier, envelope, (now.wall, now.moment), patience).await;
    let at = app.keeper.clock().now().wall;
    let (webhook, number, replays) = (parcel.webhook.id, parcel.number, parcel.replays);
    Settled { webhook, number, replays, at, outcome: outcome(&parcel, verdict, at) }
}

fn outcome(parcel: &Parcel, verdict: Verdict, at: Timestamp) -> Outcome {
    match verdict {
        Verdict::Delivered => Outcome::Delivered,
        Verdict::Gone => {
            Outcome::Gone { failure: "It answered 410: it wants no messages any more.".to_owned() }
        }
        Verdict::Failed(failure, retry_after) => {
            let draw = || u64::from_be_bytes(random::bytes());
            let failures = parcel.webhook.health.failures.saturating_add(1);
            let wait = schedule::next_try(parcel.attempts.saturating_add(1), draw(), retry_after);
            Outcome::Failed {
                failure,
                retry_at: wait.map(|wait| at.plus(wait)),
                rests_until: at.plus(schedule::rest(failures, draw(), retry_after)),
            }
        }
    }
}
