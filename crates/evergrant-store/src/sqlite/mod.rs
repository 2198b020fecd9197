//! The embedded store: one SQLite file, shared by the processes of one host.

mod api_keys;
mod aside;
mod attempts;
mod authorizations;
mod clients;
mod codec;
mod connect;
mod events;
mod fault;
mod grant_cache;
mod grants;
mod harbour;
mod idempotency;
mod identity;
mod imports;
mod listing;
mod namespaces;
mod open;
mod paths;
mod readers;
mod rescue;
mod retention;
mod scout;
mod transact;
mod webhooks;
mod whereabouts;
mod worker;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use evergrant_proto::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    grant::{Attempt, GrantRecord},
    name::{AuthorizationId, ClientName, GrantId, HolderId, Namespace},
    secret::AuthorizationState,
    time::Timestamp,
    transaction::{Command, Reply},
};
use rusqlite::Connection;
use tokio::sync::watch;

pub use connect::ConnectError;
pub use open::{OpenStoreError, Options};
pub use paths::Paths;
pub use retention::Retention;

use crate::{
    access::{Access, ApiKeyId, ApiKeyRecord, Removal},
    import::{Imports, Outcome},
    key::KeyRing,
    lifeboat::{Lifeboat, Record, Reservation},
    once::{Executed, Once, OnceKey},
    presence::Presence,
    store::{
        Changes, EventFilter, EventLog, GrantFilter, NumberedEvent, Pending, Reason, Replayed, Status, Store,
        StoreError, Unavailable,
    },
    webhook::WebhookStore,
};
use clients::ClientCache;
use codec::damaged;
use harbour::Harbour;
use identity::Identity;
use readers::Readers;
use writer::Writer;

/// A store in a SQLite file. Dropping it finishes what was handed over and lets others see this process as gone.
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped in this order: the writer ends before others may take over its leases.
    writer: Writer,
    readers: Arc<Readers>,
    harbour: Harbour,
    lifeboat: Arc<Lifeboat>,
    presence: Arc<Presence>,
    keys: Arc<KeyRing>,
    /// What rescued records belong to.
    identity: Mutex<Identity>,
    /// Changes after what this process has written.
    news: watch::Receiver<()>,
}

impl SqliteStore {
    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &KeyRing) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<'static, T> {
        let keys = Arc::clone(&self.keys);
        self.readers.read(move |connection, _| work(connection, &keys))
    }

    /// Writes in a transaction of its own.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<'_, T> {
        Box::pin(self.writer.aside(move |worker| worker.write(work)))
    }

    /// Work on the lifeboat, on a thread that may block.
    fn on_lifeboat<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Lifeboat) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<'static, T> {
        let lifeboat = Arc::clone(&self.lifeboat);
        Box::pin(async move {
            let working = tokio::task::spawn_blocking(move || work(&lifeboat));
            working.await.unwrap_or_else(|error| Err(Unavailable::new(Reason::Closed, error).into()))
        })
    }

    async fn replay_all(&self) -> Result<Replayed, StoreError> {
        let belongs_here = |identity: &Identity, record: &Record| {
            let ours = (record.store, record.epoch) == (identity.store, identity.epoch);
            ours && identity.quarantine.is_none()
        };
        self.unload(belongs_here, |command| command).await
    }

    /// Before a store is adopted: after that, nothing of an earlier epoch is ever taken in again.
    async fn salvage(&self) -> Result<(), StoreError> {
        let of_this_store = |identity: &Identity, record: &Record| record.store == identity.store;
        let salvaged = self.unload(of_this_store, |command| match command {
            Command::Succeed(succeed) => Command::Salvage(succeed),
            other => other,
        });
        let Replayed { landed, refused, .. } = salvaged.await?;
        if landed > 0 || !refused.is_empty() {
            tracing::warn!(target: "evergrant::store", landed, refused = refused.len(), "the lifeboat was brought in before the adoption");
        }
        Ok(())
    }

    /// Executes the records of the lifeboat that belong here.
    async fn unload(
        &self,
        belongs_here: fn(&Identity, &Record) -> bool,
        as_what: fn(Command) -> Command,
    ) -> Result<Replayed, StoreError> {
        let survey = self.on_lifeboat(|lifeboat| Ok(lifeboat.survey()?)).await?;
        let damaged = u32::try_from(survey.damaged.len()).unwrap_or(u32::MAX);
        let mut replayed = Replayed { damaged, ..Replayed::default() };
        if survey.records.is_empty() {
            return Ok(replayed);
        }
        let identity = self.read(|connection, _| identity::read(connection)).await?;
        for found in survey.records {
            let command = rescue::command(&self.keys, &found.record);
            let Some(command) = command.filter(|_| belongs_here(&identity, &found.record)) else {
                replayed.left += 1;
                continue;
            };
            match self.writer.execute(as_what(command)).await {
                Ok(_) => replayed.landed += 1,
                Err(StoreError::Conflict(conflict)) => replayed.refused.push(conflict),
                Err(error) if rescue::concerns_one_record(&error) => {
                    let attempt = found.record.attempt;
                    tracing::warn!(target: "evergrant::store", %attempt, %error, "a rescued credential is left in the lifeboat");
                    replayed.left += 1;
                    continue;
                }
                Err(error) => return Err(error),
            }
            self.on_lifeboat(move |lifeboat| Ok(lifeboat.release(&found.reservation)?)).await?;
        }
        Ok(replayed)
    }

    async fn survey_status(&self) -> Result<Status, StoreError> {
        let identity = self.read(|connection, _| identity::read(connection)).await?;
        let survey = self.on_lifeboat(|lifeboat| Ok(lifeboat.survey()?)).await?;
        let holders = self.presence.alive().map_err(|fault| Unavailable::new(Reason::Denied, fault))?;
        Ok(Status {
            store: identity.store,
            epoch: identity.epoch,
            quarantine: identity.quarantine,
            change: identity.change,
            keys: self.keys.status(),
            holders: holders.len(),
            lifeboat_free: survey.free,
            lifeboat_records: u32::try_from(survey.records.len()).unwrap_or(u32::MAX),
        })
    }
}

/// The grant of that id with its attempts, and its client.
fn grant_and_client(
    connection: &Connection,
    keys: &KeyRing,
    clients: &mut ClientCache,
    id: GrantId,
) -> Result<Option<(GrantRecord, ClientRecord)>, StoreError> {
    let Some(grant) = grants::load(connection, keys, id, None)? else { return Ok(None) };
    let client = clients.load(connection, keys, &grant.namespace, &grant.client)?;
    let client = client.ok_or_else(|| damaged(format_args!("the client of grant {id} is gone")))?;
    Ok(Some((grant, Arc::unwrap_or_clone(client))))
}

impl Store for SqliteStore {
    fn holder(&self) -> HolderId {
        self.presence.id()
    }

    fn execute(&self, command: Command) -> Pending<'_, Reply> {
        Box::pin(self.writer.execute(command))
    }

    fn grant(&self, id: GrantId) -> Pending<'_, Option<(GrantRecord, ClientRecord)>> {
        let keys = Arc::clone(&self.keys);
        self.readers.read(move |connection, clients| grant_and_client(connection, &keys, clients, id))
    }

    fn grants(&self, filter: GrantFilter) -> Pending<'_, Vec<GrantRecord>> {
        self.read(move |connection, _| listing::grants(connection, &filter))
    }

    fn import(&self, imports: Imports) -> Pending<'_, Vec<Outcome>> {
        Box::pin(self.writer.aside(move |worker| worker.import(&imports)))
    }

    fn grants_by_state(&self) -> Pending<'_, BTreeMap<String, u64>> {
        self.read(|connection, _| listing::by_state(connection))
    }

    fn due(&self, until: Timestamp, limit: usize) -> Pending<'_, Vec<GrantId>> {
        self.read(move |connection, _| listing::due(connection, until, limit))
    }

    fn changed_since(&self, after: u64, limit: usize) -> Pending<'_, Changes> {
        self.read(move |connection, _| listing::changed_since(connection, after, limit))
    }

    fn attempts(&self, grant: GrantId, limit: usize) -> Pending<'_, Vec<Attempt>> {
        self.read(move |connection, _| attempts::list(connection, grant, limit))
    }

    fn events(&self, filter: EventFilter) -> Pending<'_, Vec<NumberedEvent>> {
        self.read(move |connection, _| events::list(connection, &filter))
    }

    fn event_log(&self) -> Pending<'_, EventLog> {
        self.read(|connection, _| events::log(connection))
    }

    fn news(&self) -> watch::Receiver<()> {
        self.news.clone()
    }

    fn derived_key(&self, purpose: &str) -> [u8; 32] {
        self.keys.derive(purpose)
    }

    fn webhooks(&self) -> &dyn WebhookStore {
        self
    }

    fn client(&self, namespace: Namespace, name: ClientName) -> Pending<'_, Option<ClientRecord>> {
        self.read(move |connection, keys| {
            let client = clients::find(connection, keys, &namespace, &name)?;
            Ok(client.filter(|client| client.removed_at.is_none()))
        })
    }

    fn clients(&self, namespace: Namespace) -> Pending<'_, Vec<ClientRecord>> {
        self.read(move |connection, keys| clients::list(connection, keys, &namespace))
    }

    fn authorization(&self, id: AuthorizationId) -> Pending<'_, Option<AuthorizationRecord>> {
        self.read(move |connection, keys| authorizations::find(connection, keys, id))
    }

    fn authorization_of(
        &self,
        state: AuthorizationState,
    ) -> Pending<'_, Option<(AuthorizationRecord, ClientRecord)>> {
        self.read(move |connection, keys| {
            let Some(record) = authorizations::find_by_state(connection, keys, &state)? else {
                return Ok(None);
            };
            let client = clients::find(connection, keys, &record.namespace, &record.client)?;
            Ok(client.map(|client| (record, client)))
        })
    }

    fn reserve(&self) -> Pending<'_, Reservation> {
        self.harbour.reserve()
    }

    fn rescue(&self, place: Reservation, command: Command) -> Pending<'_, ()> {
        let identity = *self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        let record = rescue::record(&self.keys, &identity, &command);
        self.on_lifeboat(move |lifeboat| match record {
            Some(record) => Ok(lifeboat.write(&place, &record)?),
            None => Err(Unavailable::new(Reason::Lifeboat, "it takes nothing but successes").into()),
        })
    }

    fn release(&self, place: Reservation) -> Pending<'_, ()> {
        self.harbour.release(place)
    }

    fn replay(&self) -> Pending<'_, Replayed> {
        Box::pin(self.replay_all())
    }

    fn access(&self, known: Option<u64>) -> Pending<'_, Option<Access>> {
        self.read(move |connection, _| api_keys::access(connection, known))
    }

    fn add_api_key(&self, key: ApiKeyRecord) -> Pending<'_, bool> {
        self.write(move |connection| api_keys::add(connection, &key))
    }

    fn add_first_api_key(&self, key: ApiKeyRecord) -> Pending<'_, bool> {
        self.write(move |connection| api_keys::add_first(connection, &key))
    }

    fn revoke_api_key(
        &self,
        key: ApiKeyId,
        within: Option<Namespace>,
        at: Timestamp,
    ) -> Pending<'_, Option<ApiKeyRecord>> {
        self.write(move |connection| api_keys::revoke(connection, key, within.as_ref(), at))
    }

    fn note_api_keys_used(&self, keys: Vec<ApiKeyId>, at: Timestamp) -> Pending<'_, ()> {
        self.write(move |connection| api_keys::note_used(connection, &keys, at))
    }

    fn add_namespace(&self, namespace: Namespace, at: Timestamp) -> Pending<'_, bool> {
        self.write(move |connection| namespaces::add(connection, &namespace, at))
    }

    fn remove_namespace(&self, namespace: Namespace, at: Timestamp) -> Pending<'_, Option<Removal>> {
        self.write(move |connection| namespaces::remove(connection, &namespace, at))
    }

    fn execute_once(&self, command: Command, once: Once) -> Pending<'_, Executed> {
        Box::pin(self.writer.aside(move |worker| worker.execute_once(&command, &once)))
    }

    fn executed(&self, key: OnceKey, now: Timestamp) -> Pending<'_, Option<Executed>> {
        self.read(move |connection, keys| idempotency::find(connection, keys, &key, now))
    }

    fn forget_answers(&self, now: Timestamp) -> Pending<'_, ()> {
        self.write(move |connection| idempotency::prune(connection, now, idempotency::PRUNED_AT_MOST))
    }

    fn prune(&self, wall: Timestamp) -> Pending<'_, bool> {
        Box::pin(self.writer.prune(wall))
    }

    fn check_writable(&self) -> Pending<'_, ()> {
        // What does not change is not written.
        self.write(|connection| {
            connection.prepare_cached("UPDATE store SET checked = checked + 1")?.execute([])?;
            Ok(())
        })
    }

    fn status(&self) -> Pending<'_, Status> {
        Box::pin(self.survey_status())
    }

    fn adopt(&self) -> Pending<'_, ()> {
        Box::pin(async {
            self.salvage().await?;
            let adopted = self.writer.adopt().await?;
            *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = adopted;
            Ok(())
        })
    }
}
