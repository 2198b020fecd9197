//! Clients as rows.

use std::collections::HashMap;

use evergrant_proto::{
    client::ClientRecord,
    name::{ClientName, Namespace},
    secret::{ClientSecret, InvalidSecret},
};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{integer, json, parse, unseal};
use crate::{key::KeyRing, seal::SealedPlace, store::StoreError};

/// Clients as they were last read. A client is part of nearly every transaction and changes rarely; its row says
/// by the number of its change whether it is still the one that was read.
#[derive(Debug, Default)]
pub(super) struct ClientCache(HashMap<(Namespace, ClientName), (i64, ClientRecord)>);

/// More clients than one process talks to in a while; beyond, the cache starts again.
const CACHED: usize = 1024;

impl ClientCache {
    /// The client of that name, also a removed one.
    pub(super) fn load(
        &mut self,
        connection: &Connection,
        keys: &KeyRing,
        namespace: &Namespace,
        name: &ClientName,
    ) -> Result<Option<ClientRecord>, StoreError> {
        let change = connection
            .prepare_cached("SELECT change FROM clients WHERE namespace = ?1 AND name = ?2")?
            .query_row(params![namespace.as_str(), name.as_str()], |row| row.get(0))
            .optional()?;
        let Some(change) = change else { return Ok(None) };
        let key = (namespace.clone(), name.clone());
        if let Some((_, client)) = self.0.get(&key).filter(|(cached, _)| *cached == change) {
            return Ok(Some(client.clone()));
        }
        let client = find(connection, keys, namespace, name)?;
        if self.0.len() >= CACHED {
            self.0.clear();
        }
        if let Some(client) = &client {
            self.0.insert(key, (change, client.clone()));
        }
        Ok(client)
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
