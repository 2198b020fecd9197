//! A host with a store on SQLite, on which made-up processes come and go.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use evergrant_proto::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    engine::SlotId,
    grant::{Attempt, BootId, Event, GrantRecord, StoreTime},
    name::{AttemptId, AuthorizationId, GrantId, HolderId, Namespace},
    secret::AuthorizationState,
    time::Timestamp,
    transaction::{Command, Conflict, Reply},
};
use evergrant_simulation::{Deed, Dice};
use evergrant_store::{
    EventFilter, GrantFilter, SqliteStore, Status, Store, StoreError,
    clock::LeaseClock,
    lifeboat::{Capacity, Lifeboat, Record, Reservation},
    presence::{Presence, new_holder},
    sqlite::{Options, Paths},
};

/// A clock that is set by hand.
struct Hand(Mutex<StoreTime>);

impl LeaseClock for Hand {
    fn now(&self) -> StoreTime {
        *self.0.lock().unwrap()
    }
}

pub(super) struct Sqlite {
    // Dropped before its directory.
    stores: [SqliteStore; 2],
    clock: Arc<Hand>,
    /// Which of the two is told next.
    dice: Dice,
    paths: Paths,
    status: Status,
    /// The lifeboat as each process that lives sees it; dropped, it is seen as gone.
    living: BTreeMap<HolderId, Lifeboat>,
    /// The lifeboat as somebody sees it who cleans up after others.
    bystander: Lifeboat,
    places: BTreeMap<(HolderId, SlotId), Reservation>,
    _directory: tempfile::TempDir,
}

const CAPACITY: Capacity = Capacity { slots: 64, slot_bytes: 1024 };

impl Sqlite {
    pub(super) async fn open(seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let paths = Paths::beside(&directory.path().join("store.db"));
        let options = Options { lifeboat: CAPACITY, ..Options::at(paths.clone()) };
        let clock = Arc::new(Hand(Mutex::new(StoreTime { boot: BootId(1), milliseconds: 0 })));
        // Two, since each remembers what it wrote itself, and must notice what the other one has written.
        let open = || SqliteStore::open(&options, Arc::clone(&clock) as _, Timestamp(0)).unwrap();
        let stores = [open(), open()];
        let status = stores[0].status().await.unwrap();
        let (living, places) = (BTreeMap::new(), BTreeMap::new());
        let bystander = lifeboat(&paths, new_holder());
        let dice = Dice::new(seed);
        Self { stores, clock, dice, paths, status, living, bystander, places, _directory: directory }
    }

    /// One of the deeds that is no command.
    pub(super) fn repeat(&mut self, deed: &Deed) {
        match deed {
            Deed::Executed(_) => {}
            Deed::Entered(holder) => drop(self.living.insert(*holder, lifeboat(&self.paths, *holder))),
            Deed::Left(holder) => drop(self.living.remove(holder)),
            Deed::Reserved(holder, slot) => {
                self.places.insert((*holder, *slot), self.living[holder].reserve().unwrap());
            }
            Deed::Rescued(holder, slot, command) => {
                let record = Record {
                    store: self.status.store,
                    epoch: self.status.epoch,
                    attempt: attempt(command),
                    subject: String::new(),
                    // What is brought into the store is a deed of its own.
                    sealed: Vec::new(),
                };
                self.living[holder].write(&self.places[&(*holder, *slot)], &record).unwrap();
            }
            Deed::Released(holder, slot) => {
                let lifeboat = self.living.get(holder).unwrap_or(&self.bystander);
                if let Some(place) = self.places.remove(&(*holder, *slot)) {
                    lifeboat.release(&place).unwrap();
                }
            }
        }
    }

    pub(super) fn is_alive(&self, holder: HolderId) -> bool {
        self.living.contains_key(&holder)
    }

    pub(super) async fn execute(&mut self, command: &Command, now: StoreTime) -> Result<Reply, Conflict> {
        *self.clock.0.lock().unwrap() = now;
        let store = usize::from(self.dice.permille(300));
        self.stores[store].execute(command.clone()).await.map_err(|error| match error {
            StoreError::Conflict(conflict) => conflict,
            other => panic!("{other}"),
        })
    }
}

/// What both stores can be asked.
impl Sqlite {
    pub(super) async fn grant(&self, id: GrantId) -> Option<(GrantRecord, ClientRecord)> {
        self.stores[0].grant(id).await.unwrap()
    }

    pub(super) async fn attempts(&self, grant: GrantId) -> Vec<Attempt> {
        self.stores[0].attempts(grant, usize::MAX).await.unwrap()
    }

    pub(super) async fn due(&self, until: Timestamp, limit: usize) -> Vec<GrantId> {
        self.stores[0].due(until, limit).await.unwrap()
    }

    pub(super) async fn grants(&self, filter: GrantFilter) -> Vec<GrantRecord> {
        self.stores[0].grants(filter).await.unwrap()
    }

    pub(super) async fn grants_by_state(&self) -> BTreeMap<String, u64> {
        let mut states = self.stores[0].grants_by_state().await.unwrap();
        states.retain(|_, grants| *grants > 0);
        states
    }

    pub(super) async fn clients(&self, namespace: Namespace) -> Vec<ClientRecord> {
        self.stores[0].clients(namespace).await.unwrap()
    }

    pub(super) async fn authorization(&self, id: AuthorizationId) -> Option<AuthorizationRecord> {
        self.stores[0].authorization(id).await.unwrap()
    }

    pub(super) async fn authorization_of(
        &self,
        state: &AuthorizationState,
    ) -> Option<(AuthorizationRecord, ClientRecord)> {
        self.stores[0].authorization_of(state.clone()).await.unwrap()
    }

    pub(super) async fn events(&self, filter: EventFilter) -> Vec<Event> {
        let events = self.stores[0].events(filter).await.unwrap();
        events.into_iter().map(|numbered| numbered.event).collect()
    }
}

fn lifeboat(paths: &Paths, holder: HolderId) -> Lifeboat {
    let presence = Presence::register(&paths.holders, holder).unwrap();
    Lifeboat::open(&paths.lifeboat, CAPACITY, Arc::new(presence)).unwrap()
}

fn attempt(command: &Command) -> AttemptId {
    match command {
        Command::Complete(complete) => complete.attempt,
        other => other.attempt().unwrap(),
    }
}
