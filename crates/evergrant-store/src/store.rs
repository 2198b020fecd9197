//! What every store can do, whatever it is built on.

use std::{collections::BTreeMap, fmt, future::Future, pin::Pin};

use evergrant_proto::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    grant::{Attempt, Event, GrantRecord},
    name::{AuthorizationId, ClientName, GrantId, HolderId, Namespace},
    secret::AuthorizationState,
    time::Timestamp,
    transaction::{Command, Conflict, Reply},
};

use tokio::sync::watch;

use crate::{
    access::{Access, ApiKeyId, ApiKeyRecord, Removal},
    anchor::{AnchorState, Epoch, StoreId},
    import::{Imports, Outcome},
    key::KeyStatus,
    lifeboat::Reservation,
    once::{Executed, Once, OnceKey},
    webhook::WebhookStore,
};

/// An operation under way. Dropping it leaves what was begun to be finished: a command that was handed over is
/// executed whether or not anybody waits.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A place where grants are kept. One value serves all tasks of a process.
pub trait Store: fmt::Debug + Send + Sync {
    /// This process, as leases and attempts name it.
    fn holder(&self) -> HolderId;

    /// Executes one command in one transaction. `Ok` means durable.
    fn execute(&self, command: Command) -> Pending<'_, Reply>;

    /// The grant of that id and its client; also one that was revoked or removed.
    fn grant(&self, id: GrantId) -> Pending<'_, Option<(GrantRecord, ClientRecord)>>;

    /// Grants by filter, in the order of their ids.
    fn grants(&self, filter: GrantFilter) -> Pending<'_, Vec<GrantRecord>>;

    /// Takes over many grants in one transaction; `Ok` means durable. What was brought before is found again, whatever
    /// became of it: the same candidates may come twice.
    fn import(&self, imports: Imports) -> Pending<'_, Vec<Outcome>>;

    /// How many grants there are in each state, by its name, in all namespaces; without removed ones. Costs the same however
    /// many there are. A state that no grant is in may be missing.
    fn grants_by_state(&self) -> Pending<'_, BTreeMap<String, u64>>;

    /// Grants due at `until` or before, the longest due first. Costs what it returns, not what exists.
    fn due(&self, until: Timestamp, limit: usize) -> Pending<'_, Vec<GrantId>>;

    /// Grants of which any process has changed what they hand out, after the change number `after`; and the number to
    /// ask with next.
    fn changed_since(&self, after: u64, limit: usize) -> Pending<'_, Changes>;

    /// The journal of a grant, newest first.
    fn attempts(&self, grant: GrantId, limit: usize) -> Pending<'_, Vec<Attempt>>;

    /// Events by filter, oldest first.
    fn events(&self, filter: EventFilter) -> Pending<'_, Vec<NumberedEvent>>;

    /// How far the event log goes.
    fn event_log(&self) -> Pending<'_, EventLog>;

    /// Changes after whatever this process has written. What others write is not told: look now and then.
    fn news(&self) -> watch::Receiver<()>;

    /// A key for a purpose of its own, the same in every process of this store: see [`crate::key::KeyRing::derive`].
    fn derived_key(&self, purpose: &str) -> [u8; 32];

    /// Webhooks, and what they are to be told.
    fn webhooks(&self) -> &dyn WebhookStore;

    /// The client of that name, unless removed.
    fn client(&self, namespace: Namespace, name: ClientName) -> Pending<'_, Option<ClientRecord>>;

    /// All clients of a namespace, by name, without removed ones.
    fn clients(&self, namespace: Namespace) -> Pending<'_, Vec<ClientRecord>>;

    /// The authorization of that id.
    fn authorization(&self, id: AuthorizationId) -> Pending<'_, Option<AuthorizationRecord>>;

    /// The authorization that a callback's `state` belongs to, and its client.
    fn authorization_of(
        &self,
        state: AuthorizationState,
    ) -> Pending<'_, Option<(AuthorizationRecord, ClientRecord)>>;

    /// Reserves a place in the lifeboat. Without one nothing may be sent.
    fn reserve(&self) -> Pending<'_, Reservation>;

    /// Writes a [`Command::Succeed`] or [`Command::Complete`] into a reserved place. `Ok` means durable, although
    /// not in the store yet.
    fn rescue(&self, place: Reservation, command: Command) -> Pending<'_, ()>;

    /// Gives a place in the lifeboat back; its record, if any, is in the store now.
    fn release(&self, place: Reservation) -> Pending<'_, ()>;

    /// Executes what the lifeboat holds, also for processes that have ended.
    fn replay(&self) -> Pending<'_, Replayed>;

    /// Every API key and namespace; `None` if nothing has changed since the version `known`.
    fn access(&self, known: Option<u64>) -> Pending<'_, Option<Access>>;

    /// Adds an API key. False: its namespace does not exist.
    fn add_api_key(&self, key: ApiKeyRecord) -> Pending<'_, bool>;

    /// Adds an API key to a store that has never had one. False: it has.
    fn add_first_api_key(&self, key: ApiKeyRecord) -> Pending<'_, bool>;

    /// Takes an API key away for good. `None`: there is none of that id, or it is not bound to `within`.
    fn revoke_api_key(
        &self,
        key: ApiKeyId,
        within: Option<Namespace>,
        at: Timestamp,
    ) -> Pending<'_, Option<ApiKeyRecord>>;

    /// Notes that these API keys were used by then.
    fn note_api_keys_used(&self, keys: Vec<ApiKeyId>, at: Timestamp) -> Pending<'_, ()>;

    /// Adds a namespace. False: it exists.
    fn add_namespace(&self, namespace: Namespace, at: Timestamp) -> Pending<'_, bool>;

    /// Removes a namespace in which no client and no grant is left, with its history. `None`: a part of the history is
    /// forgotten; to be called again.
    fn remove_namespace(&self, namespace: Namespace, at: Timestamp) -> Pending<'_, Option<Removal>>;

    /// Executes a command unless the request that asks for it was executed before; the answer is kept, sealed, in the
    /// same transaction.
    fn execute_once(&self, command: Command, once: Once) -> Pending<'_, Executed>;

    /// What was answered to a request that was executed before; `None`: it was not.
    fn executed(&self, key: OnceKey, now: Timestamp) -> Pending<'_, Option<Executed>>;

    /// Forgets answers to repeated requests whose time is over.
    fn forget_answers(&self, now: Timestamp) -> Pending<'_, ()>;

    /// Forgets events that are older than they are to be kept, a small batch at a time and after the commands that wait.
    /// True: there may be more.
    fn prune(&self, wall: Timestamp) -> Pending<'_, bool>;

    /// Commits something small, to see whether the store can be written.
    fn check_writable(&self) -> Pending<'_, ()>;

    /// What the store says of itself.
    fn status(&self) -> Pending<'_, Status>;

    /// Declares a restored or copied store to be the one that holds these grants from now on: gives it a new
    /// epoch and ends its quarantine. Other processes must open it again.
    fn adopt(&self) -> Pending<'_, ()>;
}

/// Which grants to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFilter {
    /// The tenant.
    pub namespace: Namespace,
    /// Only those of this client.
    pub client: Option<ClientName>,
    /// Only those in this state, by the name that [`evergrant_proto::grant::GrantState::name`] gives.
    pub state: Option<String>,
    /// Only those of this person, as the caller names them.
    pub external_id: Option<String>,
    /// Only those with all of these labels.
    pub labels: Vec<(String, String)>,
    /// Only those after this id: the last one of the page before.
    pub after: Option<GrantId>,
    /// At most this many.
    pub limit: usize,
}

impl GrantFilter {
    /// All grants of a namespace.
    pub fn all(namespace: Namespace, limit: usize) -> Self {
        Self {
            namespace,
            client: None,
            state: None,
            external_id: None,
            labels: Vec::new(),
            after: None,
            limit,
        }
    }
}

/// Which events to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// The tenant; `None` for all.
    pub namespace: Option<Namespace>,
    /// Only those of this grant.
    pub grant: Option<GrantId>,
    /// Only those after this number.
    pub after: u64,
    /// At most this many.
    pub limit: usize,
}

/// An event and its number, which only grows.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedEvent {
    /// Its number.
    pub number: u64,
    /// The event.
    pub event: Event,
}

/// How far the event log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventLog {
    /// The number of the newest event; 0 if there is none.
    pub newest: u64,
    /// The highest number of an event that was forgotten. Up to there events are missing.
    pub forgotten: u64,
}

/// Grants that were changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Which, each once, the longest unchanged first.
    pub grants: Vec<GrantId>,
    /// Where to go on.
    pub next: u64,
}

/// What became of the records in the lifeboat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// How many the store has now.
    pub landed: u32,
    /// Records that the store will never take, with its reason; their places are free again.
    pub refused: Vec<Conflict>,
    /// Records that are left where they are: of another store or epoch, sealed under a key that is not loaded, of a grant
    /// that cannot be read, or such that a defect keeps them out.
    pub left: u32,
    /// Places that hold no readable record.
    pub damaged: u32,
}

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its id.
    pub store: StoreId,
    /// Its epoch.
    pub epoch: Epoch,
    /// Why it refreshes nothing until it is adopted; `None`: it is not quarantined.
    pub quarantine: Option<AnchorState>,
    /// The number of its newest change.
    pub change: u64,
    /// The loaded keys.
    pub keys: Vec<KeyStatus>,
    /// Processes that have it open.
    pub holders: usize,
    /// Places in the lifeboat that are free.
    pub lifeboat_free: u32,
    /// Records in the lifeboat that wait for the store.
    pub lifeboat_records: u32,
}

/// Why a store did not do as it was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It did nothing, since the command does not fit what it holds.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// It did nothing, since it is away.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It may or may not have done it.
    #[error("it is not known whether the store has written this: {0}")]
    Ambiguous(Unavailable),
}

/// Why a store is away, and what brings it back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}; {}", reason.remedy())]
pub struct Unavailable {
    /// The kind of trouble.
    pub reason: Reason,
    /// The system's own words, without secrets.
    pub detail: String,
}

impl Unavailable {
    pub(crate) fn new(reason: Reason, detail: impl fmt::Display) -> Self {
        Self { reason, detail: detail.to_string() }
    }
}

/// The kinds of trouble that a store can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Another process holds the write lock for too long.
    Locked,
    /// No room on the disk.
    Full,
    /// The file or its file system cannot be written.
    ReadOnly,
    /// The system denies access, or the file is gone.
    Denied,
    /// Its file was removed or replaced while it was open.
    Moved,
    /// The disk reports errors.
    Disk,
    /// A record cannot be read: changed from outside, or written by a newer version.
    Damaged,
    /// A key is missing.
    Key,
    /// The lifeboat has no free place, or cannot be used.
    Lifeboat,
    /// Every place of the lifeboat belongs to a request that is under way.
    Busy,
    /// Another process has adopted the store.
    Adopted,
    /// This process is closing the store.
    Closed,
    /// Evergrant itself has failed at one command.
    Defect,
}

impl Reason {
    /// What helps.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Locked => "find the process that keeps the store locked and end it",
            Self::Full => "free space on the file system of the store",
            Self::ReadOnly => "make the store's file, directory and file system writable",
            Self::Denied => "run as the user that owns the store's directory and files",
            Self::Moved => {
                "put the file that was open back, or restore a backup, and start this process again"
            }
            Self::Disk => "check the disk, then restore from a backup if it is lost",
            Self::Damaged => "upgrade Evergrant if a newer version wrote it, else restore from a backup",
            Self::Key => "load the key that the message names",
            Self::Lifeboat => "it recovers when requests end or the store can be written again",
            Self::Busy => "ask again: it recovers when requests end",
            Self::Adopted | Self::Closed => "start this process again",
            Self::Defect => {
                "upgrade Evergrant, or report the panic that it has written to its standard error"
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Locked => "the store is locked by another process",
            Self::Full => "the disk of the store is full",
            Self::ReadOnly => "the store cannot be written",
            Self::Denied => "the store cannot be opened",
            Self::Moved => "the store was removed or replaced while it was open",
            Self::Disk => "the disk of the store reports errors",
            Self::Damaged => "a record of the store cannot be read",
            Self::Key => "a key of the store is missing",
            Self::Lifeboat => "the lifeboat cannot be used",
            Self::Busy => "too many requests are under way",
            Self::Adopted => "the store was adopted by another process",
            Self::Closed => "the store is being closed",
            Self::Defect => "Evergrant has a defect",
        })
    }
}
