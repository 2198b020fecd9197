//! A keeper on an embedded store, with everything it needs.

use std::{path::PathBuf, sync::Arc};

use evergrant_proto::{engine::Settings, provider::Catalogue};
use evergrant_store::{
    Replayed, Store, StoreError,
    clock::BootClock,
    key::KeyRing,
    sqlite::{OpenStoreError, Options, Paths, Retention, SqliteStore},
};

use crate::{
    Driver, GuardedCarrier, Keeper, KeeperParts,
    clock::{Clock, SystemClock},
    http::{EgressConfig, EgressError, HttpClient},
};

/// How to open a keeper.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The database file. Key, anchor, lifeboat and locks lie beside it.
    pub database: PathBuf,
    /// The keys that seal; `None`: from the key file, which is made together with a new store.
    pub keys: Option<KeyRing>,
    /// What may be reached, and how.
    pub egress: EgressConfig,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// What is known of providers.
    pub catalogue: Catalogue,
    /// Waits, limits, and whether this process refreshes ahead of time by itself.
    pub settings: Settings,
    /// Which events are kept.
    pub events: Retention,
}

/// A keeper that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The keeper.
    pub keeper: Keeper,
    /// What runs it.
    pub driver: Driver,
    /// What became of credentials that an earlier process had rescued.
    pub replayed: Replayed,
}

/// Why a keeper was not opened. Each display says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenStoreError),
    /// What an earlier process had rescued cannot be brought into the store.
    #[error("what the lifeboat holds cannot be brought into the store: {0}")]
    Replay(StoreError),
    /// The egress configuration.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// This machine tells no boot id, on which leases are counted.
    #[error("this machine does not tell its boot id: {0}")]
    Boot(evergrant_store::FileFault),
}

impl OpenOptions {
    /// The usual ones: public providers over TLS, the machine's clocks, the built-in catalogue.
    pub fn at(database: impl Into<PathBuf>) -> Self {
        Self {
            database: database.into(),
            keys: None,
            egress: EgressConfig::default(),
            clock: Arc::new(SystemClock),
            catalogue: Catalogue::builtin(),
            settings: Settings::default(),
            events: Retention::default(),
        }
    }
}

impl Keeper {
    /// Opens the embedded store, made on first use, and brings what an earlier process had rescued into it. Blocks
    /// for as long as the disk takes.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub async fn open(options: OpenOptions) -> Result<Opened, OpenError> {
        let OpenOptions { database, keys, egress, clock, catalogue, settings, events } = options;
        let client = HttpClient::new(egress)?;
        let leases = Arc::new(BootClock::of_this_boot().map_err(OpenError::Boot)?);
        let store = SqliteStore::open(
            &Options { keys, events, ..Options::at(Paths::beside(&database)) },
            leases,
            clock.now().wall,
        )?;
        let replayed = store.replay().await.map_err(OpenError::Replay)?;
        let carrier = Arc::new(GuardedCarrier::new(client, Arc::clone(&clock)));
        let (keeper, driver) =
            Self::new(KeeperParts { store: Arc::new(store), clock, carrier, catalogue, settings });
        Ok(Opened { keeper, driver, replayed })
    }
}
