//! API keys as rows.

use evergrant_proto::{name::Namespace, time::Timestamp};
use rusqlite::{Connection, Row, params};

use super::{
    codec::{counter, damaged, id},
    namespaces,
};
use crate::{
    access::{Access, ApiKeyDigest, ApiKeyId, ApiKeyRecord, KeyName},
    store::StoreError,
};

const COLUMNS: &str = "id, digest, name, namespace, scope, created_at, expires_at, revoked_at, last_used_at";

/// Every key and namespace; `None` if nothing has changed since `known`.
pub(super) fn access(connection: &Connection, known: Option<u64>) -> Result<Option<Access>, StoreError> {
    let version = connection.prepare_cached("SELECT access FROM store")?.query_row([], |row| row.get(0))?;
    let version = counter(version);
    if known == Some(version) {
        return Ok(None);
    }
    Ok(Some(Access { version, keys: list(connection)?, namespaces: namespaces::list(connection)? }))
}

fn list(connection: &Connection) -> Result<Vec<ApiKeyRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys ORDER BY created_at, id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], KeyRow::read)?;
    rows.map(|row| row?.open()).collect()
}

/// Adds a key; false if its namespace does not exist.
pub(super) fn add(connection: &Connection, key: &ApiKeyRecord) -> Result<bool, StoreError> {
    if let Some(namespace) = &key.namespace
        && !namespaces::exists(connection, namespace)?
    {
        return Ok(false);
    }
    let sql = format!("INSERT INTO api_keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    connection.prepare_cached(&sql)?.execute(params![
        id(key.id.0),
        key.digest.0,
        key.name.as_str(),
        key.namespace.as_ref().map(Namespace::as_str),
        key.scope.as_str(),
        key.created_at.0,
        key.expires_at.map(|at| at.0),
        key.revoked_at.map(|at| at.0),
        key.last_used_at.map(|at| at.0),
    ])?;
    note_change(connection)?;
    Ok(true)
}

/// Adds a key to a store that has never had one; false if it has.
pub(super) fn add_first(connection: &Connection, key: &ApiKeyRecord) -> Result<bool, StoreError> {
    let any: bool = connection.query_row("SELECT EXISTS (SELECT 1 FROM api_keys)", [], |row| row.get(0))?;
    if any { Ok(false) } else { add(connection, key) }
}

/// Takes a key away; `None` if `within` has none of that id. A key that was taken away before stays as it is.
pub(super) fn revoke(
    connection: &Connection,
    key: ApiKeyId,
    within: Option<&Namespace>,
    at: Timestamp,
) -> Result<Option<ApiKeyRecord>, StoreError> {
    let own = |found: &ApiKeyRecord| {
        found.id == key && within.is_none_or(|namespace| found.namespace.as_ref() == Some(namespace))
    };
    let Some(mut found) = list(connection)?.into_iter().find(own) else { return Ok(None) };
    if found.revoked_at.is_none() {
        connection
            .prepare_cached("UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1")?
            .execute(params![id(key.0), at.0])?;
        note_change(connection)?;
        found.revoked_at = Some(at);
    }
    Ok(Some(found))
}

/// Takes away every key that sees this namespace alone.
pub(super) fn revoke_all(
    connection: &Connection,
    namespace: &Namespace,
    at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE api_keys SET revoked_at = ?2 WHERE namespace = ?1 AND revoked_at IS NULL")?
        .execute(params![namespace.as_str(), at.0])?;
    note_change(connection)
}

/// Notes when keys were last used. No change that others have to know of.
pub(super) fn note_used(connection: &Connection, keys: &[ApiKeyId], at: Timestamp) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)",
    )?;
    for key in keys {
        statement.execute(params![id(key.0), at.0])?;
    }
    Ok(())
}

/// Lets every process see that keys or namespaces have changed.
pub(super) fn note_change(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE store SET access = access + 1")?.execute([])?;
    Ok(())
}

struct KeyRow {
    id: [u8; 16],
    digest: [u8; 32],
    name: String,
    namespace: Option<String>,
    scope: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl KeyRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            digest: row.get(1)?,
            name: row.get(2)?,
            namespace: row.get(3)?,
            scope: row.get(4)?,
            created_at: row.get(5)?,
            expires_at: row.get(6)?,
            revoked_at: row.get(7)?,
            last_used_at: row.get(8)?,
        })
    }

    fn open(self) -> Result<ApiKeyRecord, StoreError> {
        let key = ApiKeyId(u128::from_be_bytes(self.id));
        let unreadable = |what: &str| damaged(format_args!("the {what} of API key {key}"));
        Ok(ApiKeyRecord {
            id: key,
            digest: ApiKeyDigest(self.digest),
            name: KeyName::new(&self.name).map_err(|_| unreadable("name"))?,
            namespace: match self.namespace {
                Some(name) => Some(Namespace::new(&name).map_err(|_| unreadable("namespace"))?),
                None => None,
            },
            scope: self.scope.parse().map_err(|_| unreadable("scope"))?,
            created_at: Timestamp(self.created_at),
            expires_at: self.expires_at.map(Timestamp),
            revoked_at: self.revoked_at.map(Timestamp),
            last_used_at: self.last_used_at.map(Timestamp),
        })
    }
}
