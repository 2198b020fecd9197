//! The one reader of the log.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use evergrant::{
    Keeper,
    proto::{name::Namespace, time::Moment},
    store::{EventFilter, NumberedEvent, StoreError},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch},
    task::JoinHandle,
};

use super::frame::{self, Frame};

/// How often the log is looked at for what other processes have written. What this one writes is seen at once.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often a listener hears something: below the minute after which proxies close connections that are silent.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// Events read at once.
const PAGE: usize = 256;

/// Events that are kept for listeners that are a little late. Whoever is later reads the log.
const RING: usize = 1024;

/// Listeners of one process: each is a connection and a few kilobytes.
const LISTENERS: usize = 50_000;

/// Listeners that read the log at once, so that those who ask for tokens find a connection to the store.
const CATCHING_UP: usize = 2;

/// Where listeners and the reader meet.
#[derive(Debug)]
pub(crate) struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    places: Arc<Semaphore>,
    catching_up: Semaphore,
}

#[derive(Debug)]
enum State {
    /// Nobody listens.
    Quiet,
    Reading(Reader),
    Closed,
}

/// The reader while somebody listens.
#[derive(Debug)]
struct Reader {
    sender: broadcast::Sender<Arc<Frame>>,
    /// From where on everything is sent; `None` until that is known.
    from: watch::Receiver<Option<u64>>,
    task: JoinHandle<()>,
}

/// A place behind the reader.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) frames: broadcast::Receiver<Arc<Frame>>,
    pub(super) from: watch::Receiver<Option<u64>>,
    _place: OwnedSemaphorePermit,
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSeat {
    Closed,
    Full,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State::Quiet),
                places: Arc::new(Semaphore::new(LISTENERS)),
                catching_up: Semaphore::new(CATCHING_UP),
            }),
        }
    }
}

impl Hub {
    /// Takes a place; the first one starts the reader.
    pub(super) fn sit_down(&self, keeper: &Keeper) -> Result<Seat, NoSeat> {
        let place = Arc::clone(&self.shared.places).try_acquire_owned().map_err(|_| NoSeat::Full)?;
        let mut state = self.shared.lock();
        if let State::Quiet = *state {
            *state = State::Reading(Reader::start(&self.shared, keeper.clone()));
        }
        match &*state {
            State::Reading(reader) => {
                Ok(Seat { frames: reader.sender.subscribe(), from: reader.from.clone(), _place: place })
            }
            State::Quiet | State::Closed => Err(NoSeat::Closed),
        }
    }

    /// The next events of a namespace. A few listeners at a time.
    pub(super) async fn page(
        &self,
        keeper: &Keeper,
        namespace: &Namespace,
        after: u64,
        limit: usize,
    ) -> Result<Vec<NumberedEvent>, StoreError> {
        let _turn = self.shared.catching_up.acquire().await.expect("it is never closed");
        keeper.events(EventFilter { namespace: Some(namespace.clone()), grant: None, after, limit }).await
    }

    /// Lets every listener go, once it has got what was read for it.
    pub(crate) async fn close(&self) {
        let before = std::mem::replace(&mut *self.shared.lock(), State::Closed);
        if let State::Reading(reader) = before {
            reader.task.abort();
            // It was just told to end.
            let _ = reader.task.await;
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let State::Reading(reader) = &*self.shared.lock() {
            reader.task.abort();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody listens any more; then the next one starts another reader.
    fn falls_quiet(&self, sender: &broadcast::Sender<Arc<Frame>>) -> bool {
        let mut state = self.lock();
        let alone = sender.receiver_count() == 0;
        if alone && matches!(*state, State::Reading(_)) {
            *state = State::Quiet;
        }
        alone
    }
}

impl Reader {
    fn start(shared: &Arc<Shared>, keeper: Keeper) -> Self {
        let (sender, _) = broadcast::channel(RING);
        let (position, from) = watch::channel(None);
        let reading = Reading { shared: Arc::clone(shared), keeper, sender: sender.clone() };
        Self { sender, from, task: tokio::spawn(reading.run(position)) }
    }
}

struct Reading {
    shared: Arc<Shared>,
    keeper: Keeper,
    sender: broadcast::Sender<Arc<Frame>>,
}

impl Reading {
    async fn run(self, position: watch::Sender<Option<u64>>) {
        let mut news = self.keeper.news();
        let mut at = self.begin().await;
        position.send_replace(Some(at));
        let mut heartbeat_at = self.later(HEARTBEAT_EVERY);
        while !self.shared.falls_quiet(&self.sender) {
            news.borrow_and_update();
            while self.forward(&mut at).await {}
            if self.keeper.clock().moment() >= heartbeat_at {
                // Whoever has just gone hears nothing.
                let _ = self.sender.send(Arc::new(Frame::Heartbeat(at)));
                heartbeat_at = self.later(HEARTBEAT_EVERY);
            }
            tokio::select! {
                Ok(()) = news.changed() => {}
                () = self.keeper.clock().wait_until(self.later(LOOK_EVERY).min(heartbeat_at)) => {}
            }
        }
    }

    /// The end of the log, as soon as the store tells it.
    async fn begin(&self) -> u64 {
        loop {
            match self.keeper.event_log().await {
                Ok(log) => return log.newest,
                Err(_) => self.keeper.clock().wait_until(self.later(LOOK_EVERY)).await,
            }
        }
    }

    /// Sends what is new; whether there may be more. While the store is away nothing is, and nobody misses anything.
    async fn forward(&self, at: &mut u64) -> bool {
        let filter = EventFilter { namespace: None, grant: None, after: *at, limit: PAGE };
        let Ok(events) = self.keeper.events(filter).await else { return false };
        let more = events.len() == PAGE;
        let rates = self.keeper.known_remedy_rates();
        for event in events {
            *at = event.number;
            let bytes = frame::event(&event, &rates);
            let _ = self.sender.send(Arc::new(Frame::Event(Box::new(event), bytes)));
        }
        more
    }

    fn later(&self, duration: Duration) -> Moment {
        self.keeper.clock().moment().plus(duration)
    }
}
