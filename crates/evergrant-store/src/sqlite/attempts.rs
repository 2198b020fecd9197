//! The journal as rows.

use evergrant_proto::{
    grant::{Attempt, GrantRecord},
    name::{AttemptId, GrantId},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec::{id, integer, json, parse, rows};
use crate::store::StoreError;

/// Ended attempts of older generations are kept for diagnosis, so far back. A grant refreshed every hour reaches
/// this in four days; what matters for longer is in the events.
const KEPT_GENERATIONS: u64 = 100;

/// The attempts of the grant's generation and open ones of any, in the order of their fences.
pub(super) fn load(connection: &Connection, grant: &GrantRecord) -> Result<Vec<Attempt>, StoreError> {
    // Two searches: with OR the whole journal of the grant would be read.
    let mut statement = connection.prepare_cached(
        "SELECT record FROM attempts WHERE grant_id = ?1 AND generation = ?2
         UNION ALL SELECT record FROM attempts WHERE grant_id = ?1 AND open = 1 AND generation <> ?2",
    )?;
    let texts = statement.query_map(params![id(grant.id.0), integer(grant.generation.0)], text)?;
    let mut attempts = texts.map(|text| parse("an attempt", &text?)).collect::<Result<Vec<Attempt>, _>>()?;
    attempts.sort_by_key(|attempt| attempt.fence);
    Ok(attempts)
}

/// Adds the attempt that a command names, if it is not among those loaded.
pub(super) fn complete(
    connection: &Connection,
    grant: &mut GrantRecord,
    named: Option<AttemptId>,
) -> Result<(), StoreError> {
    if let Some(named) = named.filter(|named| grant.attempts.iter().all(|attempt| attempt.id != *named)) {
        grant.attempts.extend(find(connection, grant.id, named)?);
        grant.attempts.sort_by_key(|attempt| attempt.fence);
    }
    Ok(())
}

/// An attempt that ended before the grant reached its generation. Reads the journal of the grant, which happens
/// only when an outcome comes late or twice.
fn find(connection: &Connection, grant: GrantId, named: AttemptId) -> Result<Option<Attempt>, StoreError> {
    let found = connection
        .prepare_cached("SELECT record FROM attempts WHERE grant_id = ?1 AND id = ?2")?
        .query_row(params![id(grant.0), id(named.0)], text)
        .optional()?;
    found.map(|text| parse("an attempt", &text)).transpose()
}

/// Writes the attempts of `grant` that differ from those `before`.
pub(super) fn save(
    connection: &Connection,
    before: Option<&GrantRecord>,
    grant: &GrantRecord,
) -> Result<(), StoreError> {
    let known: &[Attempt] = before.map_or(&[], |before| &before.attempts);
    for attempt in grant.attempts.iter().filter(|attempt| !known.contains(attempt)) {
        connection
            .prepare_cached(
                "INSERT INTO attempts (grant_id, generation, fence, id, open, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (grant_id, generation, fence) DO UPDATE SET open = ?5, record = ?6",
            )?
            .execute(params![
                id(grant.id.0),
                integer(attempt.generation.0),
                integer(attempt.fence.0),
                id(attempt.id.0),
                attempt.is_open(),
                json(attempt),
            ])?;
    }
    let moved = before.is_some_and(|before| before.generation != grant.generation);
    let Some(oldest) = grant.generation.0.checked_sub(KEPT_GENERATIONS).filter(|_| moved) else {
        return Ok(());
    };
    connection
        .prepare_cached("DELETE FROM attempts WHERE grant_id = ?1 AND generation < ?2 AND open = 0")?
        .execute(params![id(grant.id.0), integer(oldest)])?;
    Ok(())
}

/// The journal of a grant, newest first.
pub(super) fn list(
    connection: &Connection,
    grant: GrantId,
    limit: usize,
) -> Result<Vec<Attempt>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT record FROM attempts WHERE grant_id = ?1 ORDER BY generation DESC, fence DESC LIMIT ?2",
    )?;
    let texts = statement.query_map(params![id(grant.0), rows(limit)], text)?;
    texts.map(|text| parse("an attempt", &text?)).collect()
}

fn text(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}
