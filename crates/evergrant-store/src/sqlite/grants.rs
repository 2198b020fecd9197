//! Grants as rows: the record in JSON, its secrets sealed in columns of their own.

use evergrant_proto::{
    grant::{
        Attempt, GrantRecord, expose_access, expose_credential, expose_spares, read_access, read_credential,
        read_spares,
    },
    name::{AttemptId, ClientName, GrantId, Namespace},
    secret::RefreshToken,
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use zeroize::Zeroizing;

use super::{
    attempts,
    codec::{grant_id, id, integer, json, parse, unseal},
};
use crate::{key::KeyRing, seal::SealedPlace, store::StoreError};

const COLUMNS: &str = "record, next_due_at, credential, predecessor, access, spares";

/// A grant, and its sealed columns: what has not changed is written back as it was.
#[derive(Debug, Clone)]
pub(super) struct HeldGrant {
    pub(super) record: GrantRecord,
    sealed: SealedColumns,
}

#[derive(Debug, Clone, Default)]
struct SealedColumns {
    credential: Option<Vec<u8>>,
    predecessor: Option<Vec<u8>>,
    access: Option<Vec<u8>>,
    spares: Option<Vec<u8>>,
}

/// A row that has been read and not yet understood: understanding it needs no connection.
pub(super) struct GrantRow {
    record: String,
    next_due_at: Option<i64>,
    sealed: SealedColumns,
}

impl GrantRow {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let sealed = SealedColumns {
            credential: row.get(2)?,
            predecessor: row.get(3)?,
            access: row.get(4)?,
            spares: row.get(5)?,
        };
        Ok(Self { record: row.get(0)?, next_due_at: row.get(1)?, sealed })
    }

    /// Opens what is sealed. The attempts are not part of the row.
    pub(super) fn open(self, keys: &KeyRing) -> Result<HeldGrant, StoreError> {
        let mut record: GrantRecord = parse("a grant", &self.record)?;
        let sealed = self.sealed;
        let name = record.id.to_string();
        let place = |field| place(&record, &name, field);
        let credential = unseal(keys, &place(CREDENTIAL), sealed.credential.as_deref(), read_credential)?;
        let predecessor = unseal(keys, &place(PREDECESSOR), sealed.predecessor.as_deref(), read_credential)?;
        let access = unseal(keys, &place(ACCESS), sealed.access.as_deref(), read_access)?;
        let spares = unseal(keys, &place(SPARES), sealed.spares.as_deref(), read_spares)?;
        record.credential = credential;
        record.predecessor = predecessor;
        record.access = access.unwrap_or_default();
        record.spares = spares.unwrap_or_default();
        // The column leads: a client that works again makes all its grants due without rewriting their records.
        record.next_due_at = self.next_due_at.map(Timestamp);
        Ok(HeldGrant { record, sealed })
    }
}

const CREDENTIAL: &str = "credential";
const PREDECESSOR: &str = "predecessor";
const ACCESS: &str = "access";
const SPARES: &str = "spares";

fn place<'a>(record: &'a GrantRecord, name: &'a str, field: &'a str) -> SealedPlace<'a> {
    SealedPlace { namespace: record.namespace.as_str(), record: name, field, generation: record.generation.0 }
}

/// The grant without its attempts.
pub(super) fn find(
    connection: &Connection,
    keys: &KeyRing,
    grant: GrantId,
) -> Result<Option<HeldGrant>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM grants WHERE id = ?1"))?;
    let row = statement.query_row([id(grant.0)], GrantRow::read).optional()?;
    row.map(|row| row.open(keys)).transpose()
}

/// The grant with the attempts that a transaction needs, `named` among them.
pub(super) fn load(
    connection: &Connection,
    keys: &KeyRing,
    grant: GrantId,
    named: Option<AttemptId>,
) -> Result<Option<HeldGrant>, StoreError> {
    let Some(mut held) = find(connection, keys, grant)? else { return Ok(None) };
    held.record.attempts = attempts::load(connection, &held.record, named)?;
    Ok(Some(held))
}

/// Writes a grant, new or changed, and its attempts. `before` is what [`load`] gave.
pub(super) fn save(
    connection: &Connection,
    keys: &KeyRing,
    before: Option<&HeldGrant>,
    grant: &GrantRecord,
    change: u64,
) -> Result<(), StoreError> {
    let sealed = seal(keys, before, grant);
    let fingerprint = grant.credential.as_ref().map(|held| fingerprint(keys, &held.refresh_token));
    connection
        .prepare_cached(
            "INSERT INTO grants (id, namespace, client, state, subject, external_id, removed, next_due_at, change,
                                 fingerprint, record, credential, predecessor, access, spares)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT (id) DO UPDATE SET
                state = ?4, subject = ?5, external_id = ?6, removed = ?7, next_due_at = ?8, change = ?9,
                fingerprint = ?10, record = ?11, credential = ?12, predecessor = ?13, access = ?14, spares = ?15",
        )?
        .execute(params![
            id(grant.id.0),
            grant.namespace.as_str(),
            grant.client.as_str(),
            grant.state.name(),
            grant.owner.subject,
            grant.owner.external_id,
            grant.removed_at.is_some(),
            grant.next_due_at.map(|due| due.0),
            integer(change),
            fingerprint,
            json(grant),
            sealed.credential,
            sealed.predecessor,
            sealed.access,
            sealed.spares,
        ])?;
    save_labels(connection, before.map(|held| &held.record), grant)?;
    let known: &[Attempt] = before.map_or(&[], |held| &held.record.attempts);
    attempts::save(connection, known, grant)
}

/// Seals what is new. A value that stayed keeps its blob, unless the generation moved: it is sealed for one.
fn seal(keys: &KeyRing, before: Option<&HeldGrant>, grant: &GrantRecord) -> SealedColumns {
    let name = grant.id.to_string();
    let same = before.filter(|held| held.record.generation == grant.generation);
    let column = |field, kept: Option<Option<Vec<u8>>>, plain: &dyn Fn() -> Option<Zeroizing<Vec<u8>>>| {
        kept.unwrap_or_else(|| plain().map(|plain| keys.seal(&place(grant, &name, field), &plain)))
    };
    let kept = |unchanged: fn(&GrantRecord, &GrantRecord) -> bool,
                blob: fn(&SealedColumns) -> &Option<Vec<u8>>| {
        same.filter(|held| unchanged(&held.record, grant)).map(|held| blob(&held.sealed).clone())
    };
    SealedColumns {
        credential: column(
            CREDENTIAL,
            kept(|before, after| before.credential == after.credential, |sealed| &sealed.credential),
            &|| grant.credential.as_ref().map(expose_credential),
        ),
        predecessor: column(
            PREDECESSOR,
            kept(|before, after| before.predecessor == after.predecessor, |sealed| &sealed.predecessor),
            &|| grant.predecessor.as_ref().map(expose_credential),
        ),
        access: column(
            ACCESS,
            kept(|before, after| before.access == after.access, |sealed| &sealed.access),
            &|| (!grant.access.is_empty()).then(|| expose_access(&grant.access)),
        ),
        spares: column(
            SPARES,
            kept(|before, after| before.spares == after.spares, |sealed| &sealed.spares),
            &|| (!grant.spares.is_empty()).then(|| expose_spares(&grant.spares)),
        ),
    }
}

fn save_labels(
    connection: &Connection,
    before: Option<&GrantRecord>,
    grant: &GrantRecord,
) -> Result<(), StoreError> {
    if before.is_none_or(|before| before.owner.labels.is_empty()) && grant.owner.labels.is_empty() {
        return Ok(());
    }
    if before.is_some_and(|before| before.owner.labels == grant.owner.labels) {
        return Ok(());
    }
    for (label, value) in before.iter().flat_map(|before| &before.owner.labels) {
        connection
            .prepare_cached(
                "DELETE FROM labels WHERE namespace = ?1 AND label = ?2 AND value = ?3 AND grant_id = ?4",
            )?
            .execute(params![grant.namespace.as_str(), label, value, id(grant.id.0)])?;
    }
    for (label, value) in &grant.owner.labels {
        connection
            .prepare_cached("INSERT INTO labels (namespace, label, value, grant_id) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![grant.namespace.as_str(), label, value, id(grant.id.0)])?;
    }
    Ok(())
}

fn fingerprint(keys: &KeyRing, token: &RefreshToken) -> [u8; 32] {
    keys.fingerprint(token.expose().as_bytes())
}

/// Another grant than `except` that holds this refresh token.
pub(super) fn holder_of(
    connection: &Connection,
    keys: &KeyRing,
    token: &RefreshToken,
    except: Option<GrantId>,
) -> Result<Option<GrantId>, StoreError> {
    let except = except.map(|grant| id(grant.0));
    for fingerprint in keys.fingerprints(token.expose().as_bytes()) {
        let found = connection
            .prepare_cached("SELECT id FROM grants WHERE fingerprint = ?1 AND id IS NOT ?2 LIMIT 1")?
            .query_row(params![fingerprint, except], |row| row.get(0))
            .optional()?;
        if let Some(found) = found {
            return Ok(Some(grant_id(found)));
        }
    }
    Ok(None)
}

/// The grant that this account has given to this client, unless removed or revoked.
pub(super) fn of_account(
    connection: &Connection,
    namespace: &Namespace,
    client: &ClientName,
    subject: &str,
) -> Result<Option<GrantId>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT id FROM grants WHERE namespace = ?1 AND client = ?2 AND subject = ?3 AND removed = 0
             AND state <> 'revoked' ORDER BY id LIMIT 1",
        )?
        .query_row(params![namespace.as_str(), client.as_str(), subject], |row| row.get(0))
        .optional()?;
    Ok(found.map(grant_id))
}

/// Makes every degraded grant of a client due at once.
pub(super) fn resume(
    connection: &Connection,
    namespace: &Namespace,
    client: &ClientName,
) -> Result<(), StoreError> {
    // Due since the beginning of time: before whatever else waits.
    connection
        .prepare_cached(
            "UPDATE grants SET next_due_at = 0 WHERE namespace = ?1 AND client = ?2 AND state = 'degraded'",
        )?
        .execute(params![namespace.as_str(), client.as_str()])?;
    Ok(())
}
