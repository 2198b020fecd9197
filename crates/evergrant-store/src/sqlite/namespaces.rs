//! Namespaces as rows.

use evergrant_proto::{name::Namespace, time::Timestamp};
use rusqlite::{Connection, params};

use super::{
    api_keys,
    codec::{counter, damaged},
};
use crate::{
    access::{NamespaceRecord, Removal},
    store::StoreError,
};

/// All namespaces, by name.
pub(super) fn list(connection: &Connection) -> Result<Vec<NamespaceRecord>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT name, created_at FROM namespaces ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let open = |row: rusqlite::Result<(String, Option<i64>)>| {
        let (name, created_at) = row?;
        let name = Namespace::new(&name).map_err(|_| damaged("the name of a namespace"))?;
        Ok(NamespaceRecord { name, created_at: created_at.map(Timestamp) })
    };
    rows.map(open).collect()
}

/// Whether there is one of that name.
pub(super) fn exists(connection: &Connection, namespace: &Namespace) -> Result<bool, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM namespaces WHERE name = ?1)")?;
    Ok(statement.query_row([namespace.as_str()], |row| row.get(0))?)
}

/// Adds a namespace; false if it exists. A client that is put into one adds it as well.
pub(super) fn add(connection: &Connection, namespace: &Namespace, at: Timestamp) -> Result<bool, StoreError> {
    let added = connection
        .prepare_cached("INSERT OR IGNORE INTO namespaces (name, created_at) VALUES (?1, ?2)")?
        .execute(params![namespace.as_str(), at.0])?;
    if added > 0 {
        api_keys::note_change(connection)?;
    }
    Ok(added > 0)
}

/// Removes a namespace in which nothing is left, with the keys that saw it alone.
pub(super) fn remove(
    connection: &Connection,
    namespace: &Namespace,
    at: Timestamp,
) -> Result<Removal, StoreError> {
    if !exists(connection, namespace)? {
        return Ok(Removal::NoSuchNamespace);
    }
    let count = |table: &str| -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {table} WHERE namespace = ?1 AND removed = 0");
        Ok(counter(connection.prepare_cached(&sql)?.query_row([namespace.as_str()], |row| row.get(0))?))
    };
    let (clients, grants) = (count("clients")?, count("grants")?);
    if clients + grants > 0 {
        return Ok(Removal::InUse { clients, grants });
    }
    api_keys::revoke_all(connection, namespace, at)?;
    for sql in [
        "DELETE FROM webhook_deliveries WHERE webhook IN (SELECT id FROM webhooks WHERE namespace = ?1)",
        "DELETE FROM webhooks WHERE namespace = ?1",
        "DELETE FROM webhook_messages WHERE namespace = ?1",
        "DELETE FROM idempotency WHERE namespace = ?1",
        "DELETE FROM namespaces WHERE name = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([namespace.as_str()])?;
    }
    Ok(Removal::Removed)
}
