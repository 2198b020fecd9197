//! Answers to requests that are executed once, as rows.
//!
//! The answer is written in the transaction that executes the request's command: whatever breaks off in between, the
//! store has both or neither, and a repetition finds the answer or executes the request for the first time. Two
//! repetitions at once, in one process or in two, stand in line for the write lock, so the second finds the answer of
//! the first.

use evergrant_proto::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::codec::unseal;
use crate::{
    key::KeyRing,
    once::{Executed, Once, OnceKey},
    seal::SealedPlace,
    store::StoreError,
};

/// Ended answers that are deleted beside one that is written: more than are written, so they never pile up.
const PRUNED_BESIDE: i64 = 16;

/// Ended answers that are deleted in one go: some milliseconds, which is what a command waits for at most.
pub(super) const PRUNED_AT_MOST: i64 = 1000;

/// What was answered to this request before.
pub(super) fn find(
    connection: &Connection,
    keys: &KeyRing,
    key: &OnceKey,
    now: Timestamp,
) -> Result<Option<Executed>, StoreError> {
    for (name, request) in keys.fingerprints(key.name.as_bytes()).iter().zip(keys.fingerprints(&key.request))
    {
        let row = connection
            .prepare_cached(
                "SELECT request, answer FROM idempotency WHERE namespace = ?1 AND name = ?2 AND ends_at > ?3",
            )?
            .query_row(params![key.namespace.as_str(), name, now.0], |row| {
                Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, Vec<u8>>(1)?))
            })
            .optional()?;
        let Some((asked, answer)) = row else { continue };
        if asked != request {
            return Ok(Some(Executed::OtherRequest));
        }
        let record = record(name);
        let read = |plain: &[u8]| Ok::<_, std::convert::Infallible>(Zeroizing::new(plain.to_vec()));
        return Ok(unseal(keys, &place(key, &record), Some(&answer), read)?.map(Executed::Before));
    }
    Ok(None)
}

/// Keeps the answer to a request.
pub(super) fn save(
    connection: &Connection,
    keys: &KeyRing,
    once: &Once,
    answer: &[u8],
) -> Result<(), StoreError> {
    prune(connection, once.now, PRUNED_BESIDE)?;
    let name = keys.fingerprint(once.key.name.as_bytes());
    let record = record(&name);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO idempotency (namespace, name, request, answer, ends_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            once.key.namespace.as_str(),
            name,
            keys.fingerprint(&once.key.request),
            keys.seal(&place(&once.key, &record), answer),
            once.now.plus(once.lifetime).0,
        ])?;
    Ok(())
}

/// Deletes answers that have ended, at most so many.
pub(super) fn prune(connection: &Connection, now: Timestamp, limit: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM idempotency WHERE (namespace, name) IN
                (SELECT namespace, name FROM idempotency WHERE ends_at <= ?1 ORDER BY ends_at LIMIT ?2)",
        )?
        .execute(params![now.0, limit])?;
    Ok(())
}

fn record(name: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    name.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a String cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

fn place<'a>(key: &'a OnceKey, record: &'a str) -> SealedPlace<'a> {
    SealedPlace { namespace: key.namespace.as_str(), record, field: "answer", generation: 0 }
}
