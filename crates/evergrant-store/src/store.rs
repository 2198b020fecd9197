//! What the engine asks of a store. SQLite and PostgreSQL answer alike.

use std::{fmt, future::Future, pin::Pin};

use evergrant_proto::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    engine::SlotId,
    grant::{Attempt, Event, GrantRecord},
    name::{AuthorizationId, ClientName, GrantId, HolderId, Namespace},
    secret::AuthorizationState,
    time::Timestamp,
    transaction::{Command, Conflict, Reply},
};

/// The answer of a store, later. Owns what it needs: dropping it does not take back what was asked.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Why a store did not do as it was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It did nothing, since the command does not fit what it holds.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// It did nothing, since it is away: locked, full, read-only, damaged, or its key is missing. The text says what
    /// to do.
    #[error("{0}")]
    Unavailable(String),
    /// It may or may not have committed.
    #[error("the store may or may not have committed: {0}")]
    Ambiguous(String),
}

/// A place in the event log. Grows with every event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

/// Which grants to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantFilter {
    /// Of this namespace; `None`: of all.
    pub namespace: Option<Namespace>,
    /// Of this client.
    pub client: Option<ClientName>,
    /// In this state, by [`evergrant_proto::grant::GrantState::name`].
    pub state: Option<String>,
    /// With this external id.
    pub external_id: Option<String>,
    /// With this label, name and value.
    pub label: Option<(String, String)>,
    /// After this grant, in the order of ids.
    pub after: Option<GrantId>,
}

/// What is to be known of a store for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// Where it is, without credentials.
    pub location: String,
    /// Grants that are not removed.
    pub grants: u64,
    /// Clients that are not removed.
    pub clients: u64,
    /// The store was restored or copied and has not been adopted.
    pub quarantined: bool,
    /// Records in the lifeboat that are not in the store yet.
    pub lifeboat_records: usize,
    /// Free places of the lifeboat.
    pub lifeboat_free: usize,
    /// The keys that seal: id, whether primary, when made.
    pub keys: Vec<crate::key::KeyStatus>,
}

/// What the engine asks of a store.
pub trait Store: fmt::Debug + Send + Sync {
    /// The process that has it open.
    fn holder(&self) -> HolderId;

    /// Executes one command in one transaction, durably.
    fn execute(&self, command: Command) -> Answer<Reply>;

    /// Reads a grant with its secrets, and its client.
    fn grant(&self, id: GrantId) -> Answer<Option<Box<(GrantRecord, ClientRecord)>>>;

    /// Reads grants without their secrets: `credential`, `predecessor`, `access` and `spares` are empty.
    fn grants(&self, filter: GrantFilter, limit: usize) -> Answer<Vec<GrantRecord>>;

    /// Reads a client with its secret.
    fn client(&self, namespace: Namespace, name: ClientName) -> Answer<Option<Box<ClientRecord>>>;

    /// Reads the clients of a namespace, without their secrets.
    fn clients(&self, namespace: Namespace) -> Answer<Vec<ClientRecord>>;

    /// Which grants are due at `until` or before, the longest due first. Costs as much as is due.
    fn due(&self, until: Timestamp, limit: usize) -> Answer<Vec<GrantId>>;

    /// Reads the authorization that a callback's `state` belongs to, with its secrets, and its client.
    fn authorization_of(&self, state: AuthorizationState) -> Answer<Option<Box<(AuthorizationRecord, ClientRecord)>>>;

    /// Reads an authorization, without its secrets.
    fn authorization(&self, id: AuthorizationId) -> Answer<Option<Box<AuthorizationRecord>>>;

    /// Reads events after a place in the log, oldest first; of one grant or of all.
    fn events(&self, after: Sequence, grant: Option<GrantId>, limit: usize) -> Answer<Vec<(Sequence, Event)>>;

    /// The end of the event log: where a cache begins to watch. Cheap.
    fn head(&self) -> Answer<Sequence>;

    /// Reads the journal of a grant, newest first.
    fn attempts(&self, grant: GrantId, limit: usize) -> Answer<Vec<Attempt>>;

    /// Reserves a place in the lifeboat.
    fn reserve(&self) -> Answer<SlotId>;

    /// Seals a command into a reserved place of the lifeboat and fsyncs it.
    fn rescue(&self, slot: SlotId, command: Command) -> Answer<()>;

    /// Gives back a place of the lifeboat.
    fn release(&self, slot: SlotId);

    /// For people.
    fn status(&self) -> Answer<StoreStatus>;
}
