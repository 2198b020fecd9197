//! The driver: carries out what the engine wants, and decides nothing.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use evergrant_proto::{
    engine::{
        Answer, CallId, DevicePoll, Effect, EffectId, Engine, Outcome, Output, SlotId, StoreFailure,
        TokenRequest,
    },
    grant::AccessKey,
    name::GrantId,
    time::Moment,
    wire::authorization_response::Callback,
};
use evergrant_store::{Changes, Reason, Replayed, StoreError, Unavailable, lifeboat::Reservation};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::{mpsc, oneshot};

use crate::{
    incident::{Incident, Turn},
    keeper::Shared,
};

/// How often the cache is compared with the store's changes: several times within the second that it holds.
const WATCH_EVERY: Duration = Duration::from_millis(250);

/// How often the lifeboat is looked into for what a process that has ended left there.
const REPLAY_EVERY: Duration = Duration::from_secs(5);

/// How often old events are forgotten, and the pause between two batches of them: whoever waits for the store comes first.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
const PRUNE_PAUSE: Duration = Duration::from_millis(50);

/// Changes read at once while watching.
const WATCH_LIMIT: usize = 1000;

/// What callers put in.
#[derive(Debug)]
pub(crate) enum Input {
    Call { request: TokenRequest, reply: oneshot::Sender<Answer> },
    Stale { grant: GrantId, key: AccessKey },
    Callback { callback: Box<Callback>, reply: oneshot::Sender<Answer> },
    Poll { poll: Box<DevicePoll>, reply: oneshot::Sender<Answer> },
    Revoke { grant: GrantId, remove: bool, reply: oneshot::Sender<Answer> },
    Settle { reply: oneshot::Sender<()> },
}

/// Runs a [`Keeper`](crate::Keeper). Nothing happens in the background but what this future does: spawn it, or poll
/// it beside other work.
#[must_use = "a keeper without its driver answers nothing"]
#[derive(Debug)]
pub struct Driver {
    shared: Arc<Shared>,
    engine: Engine,
    inbox: mpsc::UnboundedReceiver<Input>,
    effects: FuturesUnordered<BoxFuture<'static, Done>>,
    calls: HashMap<CallId, oneshot::Sender<Answer>>,
    next_call: u64,
    settling: Vec<oneshot::Sender<()>>,
    places: HashMap<SlotId, Reservation>,
    next_place: u64,
    /// The newest change that the cache knows of.
    watched: Option<u64>,
    watching: bool,
    next_watch: Moment,
    /// The store cannot be watched; cannot say what is due; cannot be written.
    unwatched: Incident,
    unread: Incident,
    unwritten: Incident,
    replaying: bool,
    next_replay: Moment,
    pruning: bool,
    next_prune: Moment,
}

/// An effect that has been carried out.
enum Done {
    Effect(EffectId, Outcome),
    Due(EffectId, Result<Vec<GrantId>, StoreError>),
    Reserved(EffectId, Result<Reservation, StoreError>),
    /// Nobody waits for it.
    Aside,
    Replayed(Result<Replayed, StoreError>),
    /// Whether there are more to be forgotten.
    Pruned(Result<bool, StoreError>),
    Watched {
        began: Moment,
        result: Result<Watched, StoreError>,
    },
}

enum Watched {
    /// The newest change when the watch began.
    Head(u64),
    Changes(Changes),
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, engine: Engine, inbox: mpsc::UnboundedReceiver<Input>) -> Self {
        let next_watch = shared.clock.moment();
        Self {
            shared,
            engine,
            inbox,
            effects: FuturesUnordered::new(),
            calls: HashMap::new(),
            next_call: 0,
            settling: Vec::new(),
            places: HashMap::new(),
            next_place: 0,
            watched: None,
            watching: false,
            next_watch,
            unwatched: Incident::default(),
            unread: Incident::default(),
            unwritten: Incident::default(),
            replaying: false,
            next_replay: next_watch.plus(REPLAY_EVERY),
            pruning: false,
            next_prune: next_watch.plus(PRUNE_EVERY),
        }
    }

    /// Runs until every [`Keeper`](crate::Keeper) of it is gone.
    pub async fn run(self) {
        self.run_until(std::future::pending()).await;
    }

    /// Runs until `stop` completes, then sees through what has been sent: a refresh that is under way may already
    /// have spent its refresh token. Begins nothing new meanwhile.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let (mut stopping, mut open) = (false, true);
        loop {
            self.pump();
            if stopping && self.engine.is_idle() && self.effects.is_empty() || !open && self.engine.is_idle()
            {
                return;
            }
            if self.effects.is_empty() {
                for settled in self.settling.drain(..) {
                    let _ = settled.send(());
                }
            }
            let wake = self.wake_at();
            let timer = self.shared.clock.wait_until(wake);
            tokio::select! {
                biased;
                () = &mut stop, if !stopping => {
                    stopping = true;
                    self.engine.handle_drain();
                }
                Some(done) = self.effects.next() => self.done(done),
                input = self.inbox.recv(), if open && !stopping => match input {
                    Some(input) => self.take(input),
                    None => open = false,
                },
                () = timer => self.tick(),
            }
        }
    }

    fn wake_at(&self) -> Moment {
        let watch = if self.watching { Moment(u64::MAX) } else { self.next_watch };
        let replay = if self.replaying { Moment(u64::MAX) } else { self.next_replay };
        let prune = if self.pruning { Moment(u64::MAX) } else { self.next_prune };
        let own = watch.min(replay).min(prune);
        self.engine.poll_timeout().map_or(own, |timeout| timeout.min(own))
    }

    fn take(&mut self, input: Input) {
        let now = self.shared.clock.now();
        match input {
            Input::Call { request, reply } => {
                let call = self.call(reply);
                self.engine.handle_call(call, request, now);
            }
            Input::Stale { grant, key } => self.engine.handle_stale(grant, key, now),
            Input::Callback { callback, reply } => {
                let call = self.call(reply);
                self.engine.handle_callback(call, *callback, now);
            }
            Input::Poll { poll, reply } => {
                let call = self.call(reply);
                self.engine.handle_poll(call, *poll, now);
            }
            Input::Settle { reply } => {
                self.tick();
                self.settling.push(reply);
            }
            Input::Revoke { grant, remove, reply } => {
                let call = self.call(reply);
                self.engine.handle_revoke(call, grant, remove, now);
            }
        }
    }

    fn call(&mut self, reply: oneshot::Sender<Answer>) -> CallId {
        self.next_call += 1;
        let call = CallId(self.next_call);
        self.calls.insert(call, reply);
        call
    }

    fn tick(&mut self) {
        let now = self.shared.clock.now();
        self.engine.handle_timeout(now);
        if !self.watching && now.moment >= self.next_watch {
            self.watch(now.moment);
        }
        if !self.replaying && now.moment >= self.next_replay {
            self.replaying = true;
            let store = Arc::clone(&self.shared.store);
            self.effects.push(Box::pin(async move { Done::Replayed(store.replay().await) }));
        }
        if !self.pruning && now.moment >= self.next_prune {
            self.pruning = true;
            let store = Arc::clone(&self.shared.store);
            self.effects.push(Box::pin(async move { Done::Pruned(store.prune(now.wall).await) }));
        }
    }

    fn pruned(&mut self, result: Result<bool, StoreError>) {
        self.pruning = false;
        let pause = if matches!(result, Ok(true)) { PRUNE_PAUSE } else { PRUNE_EVERY };
        self.next_prune = self.shared.clock.moment().plus(pause);
        if let Err(error) = result {
            tracing::warn!(target: "evergrant", %error, "old events cannot be forgotten");
        }
    }

    fn replayed(&mut self, result: Result<Replayed, StoreError>) {
        self.replaying = false;
        self.next_replay = self.shared.clock.moment().plus(REPLAY_EVERY);
        match result {
            Ok(Replayed { landed, refused, .. }) if landed > 0 || !refused.is_empty() => {
                tracing::warn!(target: "evergrant", landed, refused = refused.len(), "rescued credentials were replayed");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(target: "evergrant", %error, "the lifeboat cannot be replayed"),
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Effect(effect, outcome) => {
                if let Outcome::Transacted(transacted) = &outcome {
                    self.note_transaction(transacted.as_ref().err());
                }
                self.engine.handle_outcome(effect, outcome, self.shared.clock.now());
            }
            Done::Due(effect, due) => {
                let due = self.noted(due);
                self.engine.handle_outcome(effect, Outcome::Due(due), self.shared.clock.now());
            }
            Done::Reserved(effect, reserved) => self.reserved(effect, reserved),
            Done::Aside => {}
            Done::Replayed(result) => self.replayed(result),
            Done::Pruned(result) => self.pruned(result),
            Done::Watched { began, result } => self.watched(began, result),
        }
    }

    /// What is due; nothing while the store cannot say it, which is told once.
    fn noted(&mut self, due: Result<Vec<GrantId>, StoreError>) -> Vec<GrantId> {
        let turn = self.unread.note(due.is_ok());
        if let (Some(Turn::Began), Err(error)) = (turn, &due) {
            tracing::warn!(target: "evergrant", %error, "the store cannot say what is due");
        } else if turn == Some(Turn::Ended) {
            tracing::info!(target: "evergrant", "the store says what is due again");
        }
        due.unwrap_or_default()
    }

    /// A store that cannot be written is told of once, whoever asked for it: the scheduler has nobody else to tell.
    fn note_transaction(&mut self, failure: Option<&StoreFailure>) {
        let away = match failure {
            Some(StoreFailure::Away(detail) | StoreFailure::Ambiguous(detail)) => Some(detail),
            None | Some(StoreFailure::Conflict(_) | StoreFailure::Busy) => None,
        };
        match (self.unwritten.note(away.is_none()), away) {
            (Some(Turn::Began), Some(detail)) => {
                tracing::error!(target: "evergrant", detail, "the store cannot be written: nothing is refreshed until it can");
            }
            (Some(Turn::Ended), _) => {
                tracing::info!(target: "evergrant", "the store can be written again");
            }
            _ => {}
        }
    }

    fn pump(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Perform(id, effect) => self.perform(id, effect),
                Output::Answer(call, answer) => {
                    if let Some(reply) = self.calls.remove(&call) {
                        // A caller that has gone away cancels nothing.
                        let _ = reply.send(answer);
                    }
                }
                Output::Publish(issue) => self.shared.cache.put(issue, self.shared.clock.now()),
                Output::Forget(grant, key) => self.shared.cache.forget(grant, &key),
            }
        }
        self.shared.waiting.store(self.engine.waiting(), std::sync::atomic::Ordering::Relaxed);
    }

    fn perform(&mut self, id: EffectId, effect: Effect) {
        let store = Arc::clone(&self.shared.store);
        self.effects.push(match effect {
            Effect::Read(grant) => Box::pin(async move {
                let found = store.grant(grant).await.map(|found| found.map(Box::new));
                Done::Effect(id, Outcome::Found(found.map_err(failure)))
            }),
            Effect::ReadDue { until, limit } => Box::pin(async move {
                Done::Due(id, store.due(until, limit).await)
            }),
            Effect::FindAuthorization(state) => Box::pin(async move {
                let found = store.authorization_of(state).await.map(|found| found.map(Box::new));
                Done::Effect(id, Outcome::Authorization(found.map_err(failure)))
            }),
            Effect::Reserve => Box::pin(async move { Done::Reserved(id, store.reserve().await) }),
            Effect::Release(slot) => {
                let Some(place) = self.places.remove(&slot) else { return };
                Box::pin(async move {
                    if let Err(error) = store.release(place).await {
                        tracing::warn!(target: "evergrant", %error, "a place of the lifeboat cannot be given back");
                    }
                    Done::Aside
                })
            }
            Effect::Transact(command) => Box::pin(async move {
                Done::Effect(id, Outcome::Transacted(store.execute(*command).await.map_err(failure)))
            }),
            Effect::Rescue { slot, command } => {
                tracing::error!(target: "evergrant", "the store is away: a rotated credential goes into the lifeboat");
                let place = self.places.get(&slot).copied();
                Box::pin(async move {
                    let rescued = match place {
                        Some(place) => store.rescue(place, *command).await.map_err(failure),
                        None => Err(StoreFailure::Away("the place in the lifeboat is gone".to_owned())),
                    };
                    Done::Effect(id, Outcome::Rescued(rescued))
                })
            }
            Effect::Send { request, not_after, deadline } => {
                let send = self.shared.carrier.send(request, not_after, deadline);
                Box::pin(async move { Done::Effect(id, Outcome::Answered(send.await)) })
            }
        });
    }

    fn reserved(&mut self, id: EffectId, reserved: Result<Reservation, StoreError>) {
        let outcome = reserved.map_err(failure).map(|place| {
            self.next_place += 1;
            let slot = SlotId(self.next_place);
            self.places.insert(slot, place);
            slot
        });
        self.engine.handle_outcome(id, Outcome::Reserved(outcome), self.shared.clock.now());
    }

    fn watch(&mut self, began: Moment) {
        self.watching = true;
        let store = Arc::clone(&self.shared.store);
        self.effects.push(match self.watched {
            None => Box::pin(async move {
                Done::Watched {
                    began,
                    result: store.status().await.map(|status| Watched::Head(status.change)),
                }
            }),
            Some(after) => Box::pin(async move {
                let result = store.changed_since(after, WATCH_LIMIT).await.map(Watched::Changes);
                Done::Watched { began, result }
            }),
        });
    }

    fn watched(&mut self, began: Moment, result: Result<Watched, StoreError>) {
        self.watching = false;
        self.next_watch = self.shared.clock.moment().plus(WATCH_EVERY);
        let turn = self.unwatched.note(result.is_ok());
        match result {
            Ok(Watched::Head(head)) => {
                self.engine.handle_changes(|_| true);
                self.shared.cache.clear();
                self.watched = Some(head);
                self.shared.cache.validated(began);
            }
            Ok(Watched::Changes(changes)) => {
                self.watched = Some(changes.next);
                let grants: HashSet<_> = changes.grants.iter().copied().collect();
                self.engine.handle_changes(|grant| grants.contains(&grant));
                for grant in grants {
                    self.shared.cache.forget_grant(grant);
                }
                if changes.grants.len() < WATCH_LIMIT {
                    self.shared.cache.validated(began);
                } else {
                    self.next_watch = began;
                }
            }
            // The cache is left to run out: a keeper then asks the store, and falls back on what it holds.
            Err(error) if turn == Some(Turn::Began) => {
                tracing::warn!(target: "evergrant", %error, "the store cannot be watched");
            }
            Err(_) => {}
        }
        if turn == Some(Turn::Ended) {
            tracing::info!(target: "evergrant", "the store can be watched again");
        }
    }
}

impl std::fmt::Debug for Done {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Done")
    }
}

pub(crate) fn failure(error: StoreError) -> StoreFailure {
    match error {
        StoreError::Conflict(conflict) => StoreFailure::Conflict(conflict),
        StoreError::Unavailable(Unavailable { reason: Reason::Busy, .. }) => StoreFailure::Busy,
        StoreError::Unavailable(unavailable) => StoreFailure::Away(unavailable.to_string()),
        StoreError::Ambiguous(unavailable) => StoreFailure::Ambiguous(unavailable.to_string()),
    }
}
