//! Clients as rows.

use std::{collections::HashMap, sync::Arc};

use evergrant_proto::{
    client::ClientRecord,
    name::{ClientName, Namespace},
    secret::{ClientSecret, InvalidSecret},
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    codec::{integer, json, parse, unseal},
    namespaces,
};
use crate::{key::KeyRing, seal::SealedPlace, store::StoreError};

/// Clients as they were last read. A client is part of nearly every transaction and changes rarely; its row says
/// by the number of its change whether it is still the one that was read. While nobody else writes, one look is enough.
#[derive(Debug, Default)]
pub(super) struct ClientCache {
    known: HashMap<Namespace, HashMap<ClientName, Known>>,
    /// Counts how often somebody else may have written.
    disturbances: u64,
}

#[derive(Debug)]
struct Known {
    client: Arc<ClientRecord>,
    change: i64,
    /// The disturbances that were known when the row was last found unchanged.
    seen_at: u64,
}

/// More clients of one namespace than one process talks to in a while; beyond, the cache starts again.
const CACHED: usize = 1024;

impl ClientCache {
    /// Others may have written since the last look.
    pub(super) fn disturb(&mut self) {
        self.disturbances += 1;
    }

    /// The transaction has written this client.
    pub(super) fn forget(&mut self, client: &ClientRecord) {
        if let Some(clients) = self.known.get_mut(&client.namespace) {
            clients.remove(&client.name);
        }
    }

    /// The client of that name, also a removed one.
    pub(super) fn load(
        &mut self,
        connection: &Connection,
        keys: &KeyRing,
        namespace: &Namespace,
        name: &ClientName,
    ) -> Result<Option<Arc<ClientRecord>>, StoreError> {
        let known = self.known.get_mut(namespace).and_then(|clients| clients.get_mut(name));
        if let Some(known) = &known
            && known.seen_at == self.disturbances
        {
            return Ok(Some(Arc::clone(&known.client)));
        }
        let change = connection
            .prepare_cached("SELECT change FROM clients WHERE namespace = ?1 AND name = ?2")?
            .query_row(params![namespace.as_str(), name.as_str()], |row| row.get(0))
            .optional()?;
        let Some(change) = change else { return Ok(None) };
        if let Some(known) = known.filter(|known| known.change == change) {
            known.seen_at = self.disturbances;
            return Ok(Some(Arc::clone(&known.client)));
        }
        let Some(client) = find(connection, keys, namespace, name)?.map(Arc::new) else { return Ok(None) };
        let clients = self.known.entry(namespace.clone()).or_default();
        if clients.len() >= CACHED {
            clients.clear();
        }
        let known = Known { client: Arc::clone(&client), change, seen_at: self.disturbances };
        clients.insert(name.clone(), known);
        Ok(Some(client))
    }
}

/// The client of that name, also a removed one.
pub(super) fn find(
    connection: &Connection,
    keys: &KeyRing,
    namespace: &Namespace,
    name: &ClientName,
) -> Result<Option<ClientRecord>, StoreError> {
    let row = connection
        .prepare_cached("SELECT record, secret FROM clients WHERE namespace = ?1 AND name = ?2")?
        .query_row(params![namespace.as_str(), name.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    row.map(|row| open(keys, row)).transpose()
}

/// All clients of a namespace, without removed ones.
pub(super) fn list(
    connection: &Connection,
    keys: &KeyRing,
    namespace: &Namespace,
) -> Result<Vec<ClientRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT record, secret FROM clients WHERE namespace = ?1 AND removed = 0 ORDER BY name",
    )?;
    let rows = statement.query_map([namespace.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.map(|row| open(keys, row?)).collect()
}

/// Writes a client, new or changed.
pub(super) fn save(
    connection: &Connection,
    keys: &KeyRing,
    client: &ClientRecord,
    change: u64,
) -> Result<(), StoreError> {
    namespaces::add(connection, &client.namespace, client.created_at)?;
    let secret = client.secret.as_ref().map(|secret| keys.seal(&place(client), secret.expose().as_bytes()));
    connection
        .prepare_cached(
            "INSERT INTO clients (namespace, name, removed, change, record, secret) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (namespace, name) DO UPDATE SET removed = ?3, change = ?4, record = ?5, secret = ?6",
        )?
        .execute(params![
            client.namespace.as_str(),
            client.name.as_str(),
            client.removed_at.is_some(),
            integer(change),
            json(client),
            secret,
        ])?;
    Ok(())
}

/// What is read of a row: the record and the sealed secret.
type ClientRow = (String, Option<Vec<u8>>);

fn open(keys: &KeyRing, (record, secret): ClientRow) -> Result<ClientRecord, StoreError> {
    let mut client: ClientRecord = parse("a client", &record)?;
    client.secret = unseal(keys, &place(&client), secret.as_deref(), read_secret)?;
    Ok(client)
}

fn read_secret(bytes: &[u8]) -> Result<ClientSecret, InvalidSecret> {
    ClientSecret::new(str::from_utf8(bytes).map_err(|_| InvalidSecret::Unprintable)?)
}

fn place(client: &ClientRecord) -> SealedPlace<'_> {
    SealedPlace {
        namespace: client.namespace.as_str(),
        record: client.name.as_str(),
        field: "client_secret",
        generation: client.version,
    }
}
