//! Webhooks as rows.

mod courier;
mod deliveries;
mod registry;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use evergrant_proto::{grant::StoreTime, name::Namespace, time::Timestamp};
use rusqlite::Connection;
use serde::{Serialize, de::DeserializeOwned};

use super::SqliteStore;
use crate::{
    key::KeyRing,
    presence::Presence,
    store::{Pending, StoreError},
    webhook::{
        Delivery, Incident, Lead, News, Outbox, Parcel, Replay, Settled, Subject, Wanted, Webhook,
        WebhookChange, WebhookId, WebhookSecret, WebhookStore,
    },
};

/// What a write meets besides the database.
struct Surroundings {
    keys: Arc<KeyRing>,
    presence: Arc<Presence>,
    now: StoreTime,
}

impl SqliteStore {
    /// Writes in one transaction that knows this process and the time.
    fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Surroundings) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<'_, T> {
        let (keys, presence) = (Arc::clone(&self.keys), Arc::clone(&self.presence));
        Box::pin(self.writer.aside(move |worker| {
            let surroundings = Surroundings { keys, presence, now: worker.clock.now() };
            let outcome = worker.write(|connection| work(connection, &surroundings));
            worker.tell(outcome.is_ok());
            outcome
        }))
    }
}

/// A name of a few words as it stands in a column.
fn word(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a name always serializes")
}

fn read_word<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    super::codec::parse(what, text)
}

impl WebhookStore for SqliteStore {
    fn list_webhooks(&self, namespace: Namespace) -> Pending<'_, Vec<Webhook>> {
        self.read(move |connection, _| registry::list(connection, &namespace))
    }

    fn webhook(&self, namespace: Namespace, id: WebhookId) -> Pending<'_, Option<Webhook>> {
        self.read(move |connection, _| registry::find(connection, &namespace, id))
    }

    fn webhook_secrets(
        &self,
        namespace: Namespace,
        id: WebhookId,
        now: Timestamp,
    ) -> Pending<'_, Option<(Webhook, Vec<WebhookSecret>)>> {
        self.read(move |connection, keys| {
            let Some(webhook) = registry::find(connection, &namespace, id)? else { return Ok(None) };
            let secrets = registry::secrets(connection, keys, &webhook, now)?;
            Ok(Some((webhook, secrets)))
        })
    }

    fn add_webhook(&self, webhook: Webhook, secret: WebhookSecret, most: usize) -> Pending<'_, bool> {
        self.change(move |connection, surroundings| {
            registry::add(connection, &surroundings.keys, &webhook, secret, most)
        })
    }

    fn change_webhook(
        &self,
        namespace: Namespace,
        id: WebhookId,
        change: WebhookChange,
        now: Timestamp,
    ) -> Pending<'_, Option<Webhook>> {
        self.write(move |connection| registry::change(connection, &namespace, id, change, now))
    }

    fn rotate_webhook_secret(
        &self,
        namespace: Namespace,
        id: WebhookId,
        secret: WebhookSecret,
        until: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Option<Webhook>> {
        self.change(move |connection, surroundings| {
            registry::rotate(connection, &surroundings.keys, (&namespace, id), secret, until, now)
        })
    }

    fn remove_webhook(&self, namespace: Namespace, id: WebhookId) -> Pending<'_, bool> {
        self.write(move |connection| registry::remove(connection, &namespace, id))
    }

    fn deliveries(
        &self,
        namespace: Namespace,
        id: WebhookId,
        before: Option<u64>,
        limit: usize,
    ) -> Pending<'_, Option<Vec<Delivery>>> {
        self.read(move |connection, _| {
            let Some(webhook) = registry::find(connection, &namespace, id)? else { return Ok(None) };
            deliveries::list(connection, webhook.id, before, limit).map(Some)
        })
    }

    fn replay_messages(
        &self,
        namespace: Namespace,
        id: WebhookId,
        which: Replay,
        now: Timestamp,
    ) -> Pending<'_, Option<u64>> {
        self.change(move |connection, _| {
            let Some(webhook) = registry::find(connection, &namespace, id)? else { return Ok(None) };
            deliveries::replay(connection, &webhook, which, now).map(Some)
        })
    }

    fn outbox(&self) -> Pending<'_, Outbox> {
        self.read(|connection, _| courier::outbox(connection))
    }

    fn lead(&self) -> Pending<'_, Option<Lead>> {
        self.change(courier::lead)
    }

    fn resign(&self, lead: Lead) -> Pending<'_, ()> {
        self.write(move |connection| courier::resign(connection, lead))
    }

    fn incidents(&self, subjects: BTreeSet<Subject>) -> Pending<'_, BTreeMap<Subject, Incident>> {
        self.read(move |connection, _| courier::incidents(connection, subjects))
    }

    fn note(&self, lead: Lead, news: News) -> Pending<'_, bool> {
        self.change(move |connection, surroundings| courier::note(connection, surroundings, lead, &news))
    }

    fn parcels(&self, wanted: Wanted) -> Pending<'_, Vec<Parcel>> {
        self.read(move |connection, keys| deliveries::parcels(connection, keys, &wanted))
    }

    fn settle(&self, lead: Lead, settled: Vec<Settled>) -> Pending<'_, bool> {
        self.change(move |connection, surroundings| {
            if !courier::renew(connection, surroundings, lead)? {
                return Ok(false);
            }
            settled.iter().try_for_each(|settled| deliveries::settle(connection, settled))?;
            Ok(true)
        })
    }
}
