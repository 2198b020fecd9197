//! A host with a store, and commands in few words.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use evergrant_proto::{
    client::{Branding, Breaker, ClientRecord, Learned, Probation},
    grant::{AccessEntry, AccessKey, BootId, Expiry, GrantRecord, IssuedTokens, Owner, StoreTime},
    name::{AttemptId, ClientName, GrantId, Namespace},
    provider::{Endpoints, Provider},
    scope::ScopeSet,
    secret::{AccessToken, ClientSecret, RefreshToken},
    time::Timestamp,
    transaction::{Claim, Claimed, Command, Import, PutClient, Reply, Succeed, Want},
    wire::client_authentication::{AuthenticationMethod, ClientIdentifier},
};

use rusqlite::Connection;

use crate::{
    clock::LeaseClock,
    lifeboat::Capacity,
    sqlite::{OpenStoreError, Options, Paths, SqliteStore, open, transact::Decide, worker},
    store::{Store, StoreError},
};

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// A clock that stands.
struct Still;

impl LeaseClock for Still {
    fn now(&self) -> StoreTime {
        StoreTime { boot: BootId(1), milliseconds: 1_000_000 }
    }
}

/// Commits. The second of those that are counted says that the disk has failed, although it has landed.
pub(super) fn commit_in_silence(count: &AtomicU32, connection: &Connection) -> rusqlite::Result<()> {
    worker::commit(connection)?;
    if count.fetch_add(1, Ordering::Relaxed) == 1 {
        let failed = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
        return Err(rusqlite::Error::SqliteFailure(failed, None));
    }
    Ok(())
}

pub(super) struct Host {
    directory: tempfile::TempDir,
    pub(super) options: Options,
}

impl Host {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            lifeboat: Capacity { slots: 4, slot_bytes: 8192 },
            lock_wait: Duration::from_millis(20),
            ..Options::at(Paths::beside(&directory.path().join("store.db")))
        };
        Self { directory, options }
    }

    /// One whose stores wait for each other however busy the machine is.
    pub(super) fn of_patience() -> Self {
        let mut host = Self::new();
        host.options.lock_wait = Duration::from_secs(30);
        host
    }

    /// A host whose database lies somewhere else than its other files.
    pub(super) fn with_database(path: &std::path::Path) -> Self {
        let mut host = Self::new();
        path.clone_into(&mut host.options.paths.database);
        host
    }

    pub(super) fn path(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// The store as one more process sees it.
    pub(super) fn open(&self) -> SqliteStore {
        self.try_open().unwrap()
    }

    pub(super) fn try_open(&self) -> Result<SqliteStore, OpenStoreError> {
        SqliteStore::open(&self.options, Arc::new(Still), NOW)
    }

    /// A store whose transactions end like this.
    pub(super) fn open_with(&self, commit: fn(&Connection) -> rusqlite::Result<()>) -> SqliteStore {
        let mut worker = open::prepare(&self.options, Arc::new(Still), NOW).unwrap();
        worker.commit = commit;
        SqliteStore::start(worker).unwrap()
    }

    /// A store that decides commands like this.
    pub(super) fn open_deciding(&self, decide: Decide) -> SqliteStore {
        let mut worker = open::prepare(&self.options, Arc::new(Still), NOW).unwrap();
        worker.decide = decide;
        SqliteStore::start(worker).unwrap()
    }

    /// The database, past the store.
    pub(super) fn database(&self) -> Connection {
        Connection::open(&self.options.paths.database).unwrap()
    }
}

pub(super) fn client() -> ClientRecord {
    ClientRecord {
        name: ClientName::new("crm").unwrap(),
        namespace: Namespace::default(),
        version: 0,
        provider: Provider::generic(),
        parameters: BTreeMap::new(),
        issuer: None,
        issuer_announced: false,
        endpoints: Endpoints::default(),
        identifier: ClientIdentifier::new("id").unwrap(),
        authentication: AuthenticationMethod::ClientSecretBasic,
        redirect_uris: Vec::new(),
        scopes: ScopeSet::new(),
        return_urls: Vec::new(),
        breaker: Breaker::default(),
        learned: Learned::default(),
        probation: Probation::default(),
        keep_alive: true,
        branding: Branding::default(),
        created_at: NOW,
        updated_at: NOW,
        removed_at: None,
        secret: Some(ClientSecret::new("cs-canary").unwrap()),
    }
}

pub(super) fn put_client() -> Command {
    Command::PutClient(Box::new(PutClient { record: client(), replaces: None, wall: NOW }))
}

pub(super) fn import(number: u128) -> Import {
    Import {
        grant: GrantId(number),
        namespace: Namespace::default(),
        client: ClientName::new("crm").unwrap(),
        owner: Owner::default(),
        scopes: ScopeSet::new(),
        refresh_token: RefreshToken::new(format!("rt-canary-{number}-1")).unwrap(),
        refresh_expires_at: None,
        obtained_at: None,
        access: None,
        wall: NOW,
    }
}

pub(super) fn claim(store: &dyn Store, grant: u128, attempt: u128) -> Command {
    Command::Claim(Claim {
        grant: GrantId(grant),
        key: AccessKey::default(),
        want: Want::Usable { min_ttl: Duration::ZERO },
        holder: store.holder(),
        attempt: AttemptId(attempt),
        wall: NOW,
    })
}

pub(super) fn succeed(grant: u128, attempt: u128) -> Command {
    let access = AccessEntry {
        key: AccessKey::default(),
        token: AccessToken::new(format!("at-canary-{grant}-{attempt}")).unwrap(),
        token_type: "Bearer".to_owned(),
        scope: None,
        issued_at: NOW,
        expiry: Expiry::At(NOW.plus(Duration::from_secs(3600))),
        generation: evergrant_proto::name::Generation(0),
        rejected: false,
        jitter: 0,
    };
    Command::Succeed(Box::new(Succeed {
        grant: GrantId(grant),
        attempt: AttemptId(attempt),
        client_version: 1,
        issued: IssuedTokens {
            access: Some(access),
            refresh_token: Some(RefreshToken::new(format!("rt-canary-{grant}-2")).unwrap()),
            refresh_expires_at: None,
            authorization_expires_at: None,
            scope: None,
            sent_at: NOW,
        },
        wall: NOW,
    }))
}

/// A store with one client and a grant for each number.
pub(super) async fn stocked(store: &SqliteStore, grants: impl IntoIterator<Item = u128>) {
    store.execute(put_client()).await.unwrap();
    for number in grants {
        store.execute(Command::Import(Box::new(import(number)))).await.unwrap();
    }
}

pub(super) async fn claimed(store: &SqliteStore, grant: u128, attempt: u128) -> Claimed {
    match store.execute(claim(store, grant, attempt)).await.unwrap() {
        Reply::Claimed(claimed) => *claimed,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn read(store: &SqliteStore, grant: u128) -> GrantRecord {
    store.grant(GrantId(grant)).await.unwrap().unwrap().0
}

pub(super) fn refresh_token(grant: &GrantRecord) -> &str {
    grant.credential.as_ref().unwrap().refresh_token.expose()
}

pub(super) fn unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> crate::store::Unavailable {
    match outcome {
        Err(StoreError::Unavailable(unavailable)) => unavailable,
        other => panic!("{other:?}"),
    }
}
