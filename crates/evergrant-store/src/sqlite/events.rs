//! The event log as rows.

use evergrant_proto::{grant::Event, name::Namespace};
use rusqlite::{Connection, Row, params};

use super::codec::{counter, id, integer, json, parse, rows};
use crate::store::{EventFilter, NumberedEvent, StoreError};

/// Appends an event.
pub(super) fn append(connection: &Connection, event: &Event) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO events (namespace, grant_id, record) VALUES (?1, ?2, ?3)")?
        .execute(params![event.namespace.as_str(), event.grant.map(|grant| id(grant.0)), json(event)])?;
    Ok(())
}

/// Events by filter, oldest first.
pub(super) fn list(connection: &Connection, filter: &EventFilter) -> Result<Vec<NumberedEvent>, StoreError> {
    let namespace = filter.namespace.as_ref().map(Namespace::as_str);
    let (after, limit) = (integer(filter.after), rows(filter.limit));
    let rows = match filter.grant {
        Some(grant) => connection
            .prepare_cached(
                "SELECT number, record FROM events
                 WHERE grant_id = ?1 AND number > ?2 AND (?3 IS NULL OR namespace = ?3) ORDER BY number LIMIT ?4",
            )?
            .query_map(params![id(grant.0), after, namespace, limit], read)?
            .collect::<rusqlite::Result<Vec<_>>>(),
        None if namespace.is_some() => connection
            .prepare_cached(
                "SELECT number, record FROM events WHERE namespace = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
            )?
            .query_map(params![namespace, after, limit], read)?
            .collect(),
        None => connection
            .prepare_cached("SELECT number, record FROM events WHERE number > ?1 ORDER BY number LIMIT ?2")?
            .query_map(params![after, limit], read)?
            .collect(),
    }?;
    let number = |(number, text): (i64, String)| {
        Ok(NumberedEvent { number: counter(number), event: parse("an event", &text)? })
    };
    rows.into_iter().map(number).collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, String)> {
    Ok((row.get(0)?, row.get(1)?))
}
