//! The event log as rows.

use evergrant_proto::{
    diagnosis::{LOOKED_AT, Sighting},
    grant::Event,
    name::Namespace,
};
use rusqlite::{Connection, Row, params};

use super::codec::{counter, id, integer, json, parse, rows};
use crate::store::{EventFilter, EventLog, NumberedEvent, StoreError};

/// Appends an event.
pub(super) fn append(connection: &Connection, event: &Event) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO events (namespace, grant_id, record) VALUES (?1, ?2, ?3)")?
        .execute(params![event.namespace.as_str(), event.grant.map(|grant| id(grant.0)), json(event)])?;
    Ok(())
}

/// The newest events of a namespace, the newest first, as far as they tell how grants fare.
pub(super) fn recent(connection: &Connection, namespace: &Namespace) -> Result<Vec<Sighting>, StoreError> {
    let mut statement = connection.prepare_cached(RECENT)?;
    let texts = statement.query_map(params![namespace.as_str(), rows(LOOKED_AT)], |row| row.get(0))?;
    texts.map(|text: rusqlite::Result<String>| parse("an event", &text?)).collect()
}

const RECENT: &str = "SELECT record FROM events WHERE namespace = ?1 ORDER BY number DESC LIMIT ?2";

/// How far the log goes.
pub(super) fn log(connection: &Connection) -> Result<EventLog, StoreError> {
    let log = connection
        .prepare_cached("SELECT (SELECT coalesce(max(number), 0) FROM events), forgotten FROM store")?
        .query_row([], |row| {
            Ok(EventLog { newest: counter(row.get(0)?), forgotten: counter(row.get(1)?) })
        })?;
    Ok(log)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_the_newest_events_by_their_index_and_sorts_nothing() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema.sql")).unwrap();
        let plan: Vec<String> = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {RECENT}"))
            .unwrap()
            .query_map(params!["default", 1], |row| row.get(3))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert_eq!(plan, ["SEARCH events USING INDEX events_of_namespace (namespace=?)"]);
    }
}
