//! The journal as rows.

use evergrant_proto::{
    grant::{Attempt, GrantRecord},
    name::{AttemptId, GrantId},
};
use rusqlite::{Connection, Row, params};

use super::codec::{id, integer, json, parse, rows};
use crate::store::StoreError;

/// Ended attempts of older generations are kept for diagnosis, so far back. A grant refreshed every hour reaches
/// this in four days; what matters for longer is in the events.
const KEPT_GENERATIONS: u64 = 100;

/// The attempts that a transaction needs: those of the grant's generation, open ones of any, and the one that the
/// command names; in the order of their fences.
pub(super) fn load(
    connection: &Connection,
    grant: &GrantRecord,
    named: Option<AttemptId>,
) -> Result<Vec<Attempt>, StoreError> {
    // A union of three searches: with OR the whole journal of the grant would be read.
    let mut statement = connection.prepare_cached(
        "SELECT record FROM attempts WHERE grant_id = ?1 AND generation = ?2
         UNION SELECT record FROM attempts WHERE grant_id = ?1 AND open = 1
         UNION SELECT record FROM attempts WHERE id = ?3 AND grant_id = ?1",
    )?;
    let named = named.map(|attempt| id(attempt.0));
    let texts = statement.query_map(params![id(grant.id.0), integer(grant.generation.0), named], text)?;
    let mut attempts = texts.map(|text| parse("an attempt", &text?)).collect::<Result<Vec<Attempt>, _>>()?;
    attempts.sort_by_key(|attempt| attempt.fence);
    Ok(attempts)
}

/// Writes the attempts of `grant` that differ from `before`.
pub(super) fn save(
    connection: &Connection,
    before: &[Attempt],
    grant: &GrantRecord,
) -> Result<(), StoreError> {
    for attempt in grant.attempts.iter().filter(|attempt| !before.contains(attempt)) {
        connection
            .prepare_cached(
                "INSERT INTO attempts (id, grant_id, generation, open, record) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET open = ?4, record = ?5",
            )?
            .execute(params![
                id(attempt.id.0),
                id(grant.id.0),
                integer(attempt.generation.0),
                attempt.is_open(),
                json(attempt),
            ])?;
    }
    let Some(oldest) = grant.generation.0.checked_sub(KEPT_GENERATIONS) else { return Ok(()) };
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
        "SELECT record FROM attempts WHERE grant_id = ?1 ORDER BY generation DESC, rowid DESC LIMIT ?2",
    )?;
    let texts = statement.query_map(params![id(grant.0), rows(limit)], text)?;
    texts.map(|text| parse("an attempt", &text?)).collect()
}

fn text(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}
