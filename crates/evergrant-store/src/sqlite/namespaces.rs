//! Namespaces as rows.

use evergrant_proto::{name::Namespace, time::Timestamp};
use rusqlite::{Connection, params};

use super::{
    api_keys,
    codec::{counter, damaged, rows},
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

/// Events forgotten in one go: some milliseconds, which is what a command waits for at most.
const FORGOTTEN_AT_ONCE: usize = 1000;

/// Removes a namespace in which nothing is left, with the keys that saw it alone and with its history: who adds one of the
/// same name some day may be somebody else. `None`: a part of the history is forgotten, and there is more.
pub(super) fn remove(
    connection: &Connection,
    namespace: &Namespace,
    at: Timestamp,
) -> Result<Option<Removal>, StoreError> {
    if !exists(connection, namespace)? {
        return Ok(Some(Removal::NoSuchNamespace));
    }
    let count = |table: &str| -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {table} WHERE namespace = ?1 AND removed = 0");
        Ok(counter(connection.prepare_cached(&sql)?.query_row([namespace.as_str()], |row| row.get(0))?))
    };
    let (clients, grants) = (count("clients")?, count("grants")?);
    if clients + grants > 0 {
        return Ok(Some(Removal::InUse { clients, grants }));
    }
    if forget_events(connection, namespace)? == FORGOTTEN_AT_ONCE {
        return Ok(None);
    }
    api_keys::revoke_all(connection, namespace, at)?;
    for sql in [
        // The newest of all may be left, so that its number is not given out again: it belongs to nobody from now on.
        "UPDATE events SET namespace = '' WHERE namespace = ?1",
        "DELETE FROM webhook_deliveries WHERE webhook IN (SELECT id FROM webhooks WHERE namespace = ?1)",
        "DELETE FROM webhooks WHERE namespace = ?1",
        "DELETE FROM webhook_messages WHERE namespace = ?1",
        "DELETE FROM idempotency WHERE namespace = ?1",
        "DELETE FROM namespaces WHERE name = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([namespace.as_str()])?;
    }
    Ok(Some(Removal::Removed))
}

fn forget_events(connection: &Connection, namespace: &Namespace) -> Result<usize, StoreError> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM events WHERE number IN
                (SELECT number FROM events WHERE namespace = ?1 AND number < (SELECT max(number) FROM events)
                 ORDER BY number LIMIT ?2)",
        )?
        .execute(params![namespace.as_str(), rows(FORGOTTEN_AT_ONCE)])?)
}
