//! Opening a store: its file, its keys, its anchor, its lifeboat.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use evergrant_proto::time::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::watch;

use super::{
    SqliteStore,
    connect::{self, ConnectError},
    harbour::Harbour,
    identity::{self, Identity},
    paths::Paths,
    readers::Readers,
    retention::{Retention, Sweep},
    transact::{self, Caches},
    whereabouts::Whereabouts,
    worker::{self, Worker},
    writer::Writer,
};
use crate::{
    anchor::{Anchor, AnchorError, AnchorState},
    clock::LeaseClock,
    durable::FileFault,
    key::{
        KeyRing,
        file::{self, KeyFileError},
    },
    lifeboat::{Capacity, Lifeboat, LifeboatError},
    presence::{Presence, new_holder},
    seal,
    store::{StoreError, Unavailable},
};

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its files lie.
    pub paths: Paths,
    /// Its keys; `None`: from the key file, which is made together with a new store.
    pub keys: Option<KeyRing>,
    /// How large a new lifeboat is made.
    pub lifeboat: Capacity,
    /// How long a commit waits for the transactions of other processes.
    pub lock_wait: Duration,
    /// Which events are kept.
    pub events: Retention,
}

impl Options {
    /// The usual ones.
    pub fn at(paths: Paths) -> Self {
        Self {
            paths,
            keys: None,
            lifeboat: Capacity::default(),
            lock_wait: Duration::from_secs(5),
            events: Retention::default(),
        }
    }
}

/// Why a store was not opened. Each display says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenStoreError {
    /// Its database.
    #[error(transparent)]
    Database(#[from] ConnectError),
    /// Its key file.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The keys are those of another store.
    #[error("these are not the keys of the store: {0}")]
    WrongKeys(seal::OpenError),
    /// Its anchor.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// Its lifeboat.
    #[error(transparent)]
    Lifeboat(#[from] LifeboatError),
    /// There is no store in the database any more, and its anchor is still there.
    #[error(
        "{} is missing or empty, but its anchor {} knows of a store with {changes} changes: put the database back, with \
         its -wal file, or restore it from a backup; to begin a new store, move the anchor away",
        database.display(),
        anchor.display()
    )]
    Gone {
        /// The database.
        database: PathBuf,
        /// The anchor.
        anchor: PathBuf,
        /// How many changes the store is known to have made.
        changes: u64,
    },
    /// Another file of it.
    #[error(transparent)]
    Fault(#[from] FileFault),
}

impl From<rusqlite::Error> for OpenStoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<StoreError> for OpenStoreError {
    fn from(error: StoreError) -> Self {
        let unavailable = match error {
            StoreError::Unavailable(unavailable) | StoreError::Ambiguous(unavailable) => unavailable,
            StoreError::Conflict(conflict) => Unavailable::new(crate::store::Reason::Damaged, conflict),
        };
        Self::Database(unavailable.into())
    }
}

impl SqliteStore {
    /// Opens a store; one that does not exist is made. Blocks. `now` dates a key that is made.
    ///
    /// A store whose anchor does not fit is opened quarantined: see [`crate::store::Status::quarantine`]. Call
    /// [`crate::Store::replay`] next, so that what an ended process has rescued lands.
    pub fn open(
        options: &Options,
        clock: Arc<dyn LeaseClock>,
        now: Timestamp,
    ) -> Result<Self, OpenStoreError> {
        Self::start(prepare(options, clock, now)?)
    }

    pub(super) fn start(worker: Worker) -> Result<Self, OpenStoreError> {
        let database = worker.path.clone();
        let (keys, presence) = (Arc::clone(&worker.keys), Arc::clone(&worker.presence));
        let (lifeboat, identity) = (Arc::clone(&worker.lifeboat), Mutex::new(worker.identity));
        let news = worker.news.subscribe();
        let writer = Writer::start(worker).map_err(FileFault::doing("start the writer of", &database))?;
        let harbour = Harbour::start(Arc::clone(&lifeboat))
            .map_err(FileFault::doing("start the thread of", lifeboat.path()))?;
        Ok(Self { writer, readers: Readers::of(database), harbour, lifeboat, presence, keys, identity, news })
    }
}

/// Opens everything that the writer works with.
pub(super) fn prepare(
    options: &Options,
    clock: Arc<dyn LeaseClock>,
    now: Timestamp,
) -> Result<Worker, OpenStoreError> {
    let paths = &options.paths;
    let mut connection = connect::open_writer(&paths.database, options.lock_wait)?;
    let keys = Arc::new(load_keys(&connection, options, now)?);
    let anchor = Anchor::at(&paths.anchor);
    let presence = Arc::new(Presence::register(&paths.holders, new_holder())?);
    connect::migrate(&mut connection, |connection| begin(connection, &keys, &anchor, paths))?;
    let identity = identify(&mut connection, &keys, &anchor)?;
    let lifeboat = Arc::new(Lifeboat::open(&paths.lifeboat, options.lifeboat, Arc::clone(&presence))?);
    Ok(Worker {
        path: paths.database.clone(),
        whereabouts: Whereabouts::of(&paths.database),
        lock_wait: options.lock_wait,
        connection,
        keys,
        presence,
        lifeboat,
        clock,
        anchor,
        identity,
        caches: Caches::default(),
        events: options.events,
        sweep: Sweep::default(),
        anchored: (identity.change, None),
        news: watch::Sender::new(()),
        commit: worker::commit,
        decide: transact::decide,
    })
}

fn load_keys(connection: &Connection, options: &Options, now: Timestamp) -> Result<KeyRing, OpenStoreError> {
    match &options.keys {
        Some(keys) => Ok(keys.clone()),
        None if connect::is_new(connection)? => Ok(file::load_or_create(&options.paths.keys, now)?),
        None => Ok(file::load(&options.paths.keys)?),
    }
}

/// Gives a new store its identity. The anchor first: a store without one would be taken for a copy. An anchor that knows
/// of changes says that a store was here: to begin another one in its place would hide that it is gone.
fn begin(
    connection: &Connection,
    keys: &KeyRing,
    anchor: &Anchor,
    paths: &Paths,
) -> Result<(), OpenStoreError> {
    if let Some(mark) = anchor.read()?.filter(|mark| mark.high_water > 0) {
        return Err(OpenStoreError::Gone {
            database: paths.database.clone(),
            anchor: paths.anchor.clone(),
            changes: mark.high_water,
        });
    }
    let identity = identity::create(connection, keys)?;
    Ok(anchor.write(&identity.mark())?)
}

/// Reads which store this is and compares it with its anchor, while no other process can write.
fn identify(
    connection: &mut Connection,
    keys: &KeyRing,
    anchor: &Anchor,
) -> Result<Identity, OpenStoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut identity = identity::read(&transaction)?;
    identity::check_keys(&transaction, keys, identity.store)?.map_err(OpenStoreError::WrongKeys)?;
    let state = anchor.compare(&identity.mark())?;
    if identity.quarantine.is_none() && state != AnchorState::Matching {
        tracing::warn!(target: "evergrant::store", reason = %state, "the store is quarantined: nothing is refreshed until it is adopted");
        identity::quarantine(&transaction, state)?;
        identity.quarantine = Some(state);
    }
    transaction.commit()?;
    Ok(identity)
}
