//! How long events are kept, and the sweep that forgets the others.
//!
//! Every refresh leaves an event of about a third of a kilobyte. A sweep goes over the log in the order of its numbers, a
//! batch at a time, and stops at the first event that is young enough; SQLite gives the room to the events that come. What
//! the protocol and a diagnosis need stands in the grant and in the journal of its attempts, which have bounds of their own.

use std::time::Duration;

use evergrant_proto::time::Timestamp;
use rusqlite::{Connection, params};
use serde::Deserialize;

use super::codec::{counter, integer, parse};
use crate::store::StoreError;

/// Events looked at in one go: a few milliseconds, which is what a command waits for at most.
const BATCH: u32 = 256;

/// How often a sweep begins at the front again, for the last events of grants that have had newer ones since.
const AGAIN_AFTER: Duration = Duration::from_secs(7 * 86_400);

/// Which events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Younger ones than this.
    pub keep_for: Duration,
    /// Of each grant, so many of the newest, however old.
    pub keep_last: u32,
}

impl Default for Retention {
    /// 90 days, and the last hundred of each grant.
    fn default() -> Self {
        Self { keep_for: Duration::from_secs(90 * 86_400), keep_last: 100 }
    }
}

/// How far a sweep has come.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    began: Option<Timestamp>,
    /// The number of the last event that was judged.
    after: u64,
    /// How young the youngest event up to there is. None is older than those before it: a clock that was wrong for a while
    /// makes no event older, nor keeps those behind it for ever.
    reached: Option<Timestamp>,
}

/// What one step of a sweep has found.
#[derive(Debug)]
pub(super) struct Found {
    /// The numbers of events to be forgotten.
    pub(super) outdated: Vec<i64>,
    /// There may be more.
    pub(super) more: bool,
}

#[derive(Deserialize)]
struct Dated {
    at: Timestamp,
}

impl Sweep {
    /// Looks at the next events, of which the newest is none: its number must not be given out again.
    pub(super) fn step(
        &mut self,
        connection: &Connection,
        retention: Retention,
        wall: Timestamp,
    ) -> Result<Found, StoreError> {
        if self.began.is_none_or(|began| began > wall || wall.since(began) >= AGAIN_AFTER) {
            *self = Self { began: Some(wall), ..Self::default() };
        }
        let oldest_kept = wall.minus(retention.keep_for);
        let rows = self.next(connection)?;
        let mut found = Found { outdated: Vec::new(), more: rows.len() == BATCH as usize };
        for Row { number, grant, text } in rows {
            let Dated { at } = parse("an event", &text)?;
            if at <= wall {
                self.reached = self.reached.max(Some(at));
            }
            if self.reached.is_some_and(|reached| reached >= oldest_kept) {
                found.more = false;
                break;
            }
            self.after = counter(number);
            let spared = match grant {
                _ if self.reached.is_none() => true,
                Some(grant) => is_among_the_last(connection, &grant, number, retention.keep_last)?,
                None => false,
            };
            if !spared {
                found.outdated.push(number);
            }
        }
        Ok(found)
    }

    fn next(&self, connection: &Connection) -> Result<Vec<Row>, StoreError> {
        let mut statement = connection.prepare_cached(
            "SELECT number, grant_id, record FROM events
             WHERE number > ?1 AND number < (SELECT max(number) FROM events) ORDER BY number LIMIT ?2",
        )?;
        let rows = statement.query_map(params![integer(self.after), BATCH], |row| {
            Ok(Row { number: row.get(0)?, grant: row.get(1)?, text: row.get(2)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

struct Row {
    number: i64,
    grant: Option<[u8; 16]>,
    text: String,
}

fn is_among_the_last(
    connection: &Connection,
    grant: &[u8; 16],
    number: i64,
    count: u32,
) -> rusqlite::Result<bool> {
    let Some(newer) = count.checked_sub(1) else { return Ok(false) };
    let mut statement = connection
        .prepare_cached("SELECT 1 FROM events WHERE grant_id = ?1 AND number > ?2 LIMIT 1 OFFSET ?3")?;
    Ok(!statement.exists(params![grant, number, newer])?)
}

/// Forgets events.
pub(super) fn forget(connection: &Connection, numbers: &[i64]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM events WHERE number = ?1")?;
    numbers.iter().try_for_each(|number| statement.execute([number]).map(drop))?;
    // Whoever follows the log has to know whether what it has not seen is still there.
    connection
        .prepare_cached("UPDATE store SET forgotten = max(forgotten, ?1)")?
        .execute([numbers.iter().max()])
        .map(drop)
}
