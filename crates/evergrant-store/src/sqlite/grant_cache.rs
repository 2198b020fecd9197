//! Grants whose request is under way, between their claim and its outcome, or about to be claimed.

use std::collections::HashMap;

use evergrant_proto::{
    grant::GrantRecord,
    name::{AttemptId, GrantId},
};
use rusqlite::{Connection, OptionalExtension};

use super::{
    attempts,
    codec::{counter, id},
    grants,
    scout::Sighting,
};
use crate::{key::KeyRing, store::StoreError};

/// More grants than this process refreshes at once; beyond, the cache starts again.
const CACHED: usize = 512;

/// Grants as this process wrote them last, if they have an open attempt: its outcome is usually the next thing that
/// is written, and then nothing has to be opened and parsed again. And grants that were read ahead. The row says by
/// the number of its last change whether it is still the one that is kept here; while nobody else has written, what
/// this process wrote is.
#[derive(Debug, Default)]
pub(super) struct GrantCache {
    kept: HashMap<GrantId, Kept>,
    /// Counts how often somebody else has written.
    disturbances: u64,
}

#[derive(Debug)]
struct Kept {
    number: u64,
    /// The disturbances that this process knew of when it wrote the grant; `None`: it has only read it.
    written_at: Option<u64>,
    record: GrantRecord,
}

impl GrantCache {
    /// The grant with the attempts that a transaction needs, `named` among them.
    pub(super) fn load(
        &mut self,
        connection: &Connection,
        keys: &KeyRing,
        grant: GrantId,
        named: Option<AttemptId>,
    ) -> Result<Option<GrantRecord>, StoreError> {
        if let Some(Kept { number, written_at, mut record }) = self.kept.remove(&grant)
            && (written_at == Some(self.disturbances) || written(connection, grant)? == Some(number))
        {
            attempts::complete(connection, &mut record, named)?;
            return Ok(Some(record));
        }
        grants::load(connection, keys, grant, named)
    }

    /// Keeps a grant that was just written as change `number`.
    pub(super) fn keep(&mut self, mut grant: GrantRecord, number: u64) {
        // As it would be read: what a command decides must not depend on whether its grant was remembered.
        let generation = grant.generation;
        grant.attempts.retain(|attempt| attempt.generation == generation || attempt.is_open());
        if grant.attempts.iter().any(evergrant_proto::grant::Attempt::is_open) {
            self.put(Kept { number, written_at: Some(self.disturbances), record: grant });
        }
    }

    /// Rows may have changed otherwise than by [`Self::keep`].
    pub(super) fn disturb(&mut self) {
        self.disturbances += 1;
    }

    /// Keeps what was read ahead for a command that comes next.
    pub(super) fn expect(&mut self, (number, record): Sighting) {
        if self.kept.get(&record.id).is_none_or(|known| known.number < number) {
            self.put(Kept { number, written_at: None, record });
        }
    }

    fn put(&mut self, kept: Kept) {
        if self.kept.len() >= CACHED {
            self.kept.clear();
        }
        self.kept.insert(kept.record.id, kept);
    }
}

fn written(connection: &Connection, grant: GrantId) -> Result<Option<u64>, StoreError> {
    let written = connection
        .prepare_cached("SELECT written FROM grants WHERE id = ?1")?
        .query_row([id(grant.0)], |row| row.get(0))
        .optional()?;
    Ok(written.map(counter))
}
