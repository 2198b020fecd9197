//! Grants as rows: the record in JSON, its secrets sealed in columns of their own.

use evergrant_proto::{
    grant::{
        GrantRecord, expose_access, expose_credential, expose_spares, read_access, read_credential,
        read_spares,
    },
    name::{AttemptId, ClientName, GrantId, Namespace},
    secret::RefreshToken,
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter, types::Value};
use zeroize::Zeroizing;

use super::{
    attempts,
    codec::{counter, grant_id, id, integer, json, parse, unseal},
    scout::Sighting,
};
use crate::{key::KeyRing, seal::SealedPlace, store::StoreError};

/// A row that has been read and not yet understood.
struct GrantRow {
    written: u64,
    record: String,
    next_due_at: Option<i64>,
    credential: Option<Vec<u8>>,
    predecessor: Option<Vec<u8>>,
    access: Option<Vec<u8>>,
    spares: Option<Vec<u8>>,
}

const FIND: &str =
    "SELECT record, next_due_at, credential, predecessor, access, spares, written FROM grants WHERE id = ?1";

impl GrantRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            record: row.get(0)?,
            next_due_at: row.get(1)?,
            credential: row.get(2)?,
            predecessor: row.get(3)?,
            access: row.get(4)?,
            spares: row.get(5)?,
            written: counter(row.get(6)?),
        })
    }

    /// Opens what is sealed. The attempts are not part of the row.
    fn open(&self, keys: &KeyRing) -> Result<GrantRecord, StoreError> {
        let mut record: GrantRecord = parse("a grant", &self.record)?;
        let name = record.id.to_string();
        let place = |field| place(&record, &name, field);
        let credential = unseal(keys, &place(CREDENTIAL), self.credential.as_deref(), read_credential)?;
        let predecessor = unseal(keys, &place(PREDECESSOR), self.predecessor.as_deref(), read_credential)?;
        let access = unseal(keys, &place(ACCESS), self.access.as_deref(), read_access)?;
        let spares = unseal(keys, &place(SPARES), self.spares.as_deref(), read_spares)?;
        record.credential = credential;
        record.predecessor = predecessor;
        record.access = access.unwrap_or_default();
        record.spares = spares.unwrap_or_default();
        // The column leads: a client that works again makes all its grants due without rewriting their records.
        record.next_due_at = self.next_due_at.map(Timestamp);
        Ok(record)
    }
}

const CREDENTIAL: &str = "credential";
const PREDECESSOR: &str = "predecessor";
const ACCESS: &str = "access";
const SPARES: &str = "spares";

fn place<'a>(record: &'a GrantRecord, name: &'a str, field: &'a str) -> SealedPlace<'a> {
    SealedPlace { namespace: record.namespace.as_str(), record: name, field, generation: record.generation.0 }
}

/// The grant with the attempts that a transaction needs, `named` among them.
pub(super) fn load(
    connection: &Connection,
    keys: &KeyRing,
    grant: GrantId,
    named: Option<AttemptId>,
) -> Result<Option<GrantRecord>, StoreError> {
    let Some((_, mut record)) = sight(connection, keys, grant)? else { return Ok(None) };
    attempts::complete(connection, &mut record, named)?;
    Ok(Some(record))
}

/// The grant with its attempts, and the number of the change that wrote it.
pub(super) fn sight(
    connection: &Connection,
    keys: &KeyRing,
    grant: GrantId,
) -> Result<Option<Sighting>, StoreError> {
    let row = connection.prepare_cached(FIND)?.query_row([id(grant.0)], GrantRow::read).optional()?;
    let Some(row) = row else { return Ok(None) };
    let mut record = row.open(keys)?;
    record.attempts = attempts::load(connection, &record)?;
    Ok(Some((row.written, record)))
}

/// Writes a grant, new or changed, and its attempts. `before` is what [`load`] gave.
pub(super) fn save(
    connection: &Connection,
    keys: &KeyRing,
    before: Option<&GrantRecord>,
    grant: &GrantRecord,
    change: u64,
) -> Result<(), StoreError> {
    let columns = columns(keys, before, grant, change);
    let names = columns.iter().map(|(name, _)| *name);
    let id = Value::Blob(id(grant.id.0).to_vec());
    let values = columns.iter().map(|(_, value)| value).chain([&id]);
    connection.prepare_cached(&statement(names, before.is_some()))?.execute(params_from_iter(values))?;
    save_labels(connection, before, grant)?;
    attempts::save(connection, before, grant)
}

/// One statement for each set of columns that change together; there are a handful, and all stay prepared. The id
/// comes after the columns.
fn statement<'a>(names: impl Iterator<Item = &'a str>, exists: bool) -> String {
    let mut sql = String::with_capacity(256);
    let (mut places, mut separator) = (String::new(), "");
    sql.push_str(if exists { "UPDATE grants SET " } else { "INSERT INTO grants (" });
    for name in names {
        sql.extend([separator, name]);
        if exists {
            sql.push_str(" = ?");
        }
        places.push_str("?, ");
        separator = ", ";
    }
    sql.extend(if exists { [" WHERE id = ?", "", ""] } else { [", id) VALUES (", &places, "?)"] });
    sql
}

/// The columns that differ from `before`. A column that stays is not touched, and neither are the indexes on it.
fn columns(
    keys: &KeyRing,
    before: Option<&GrantRecord>,
    grant: &GrantRecord,
    change: u64,
) -> Vec<(&'static str, Value)> {
    let name = grant.id.to_string();
    // What is sealed is sealed for one generation.
    let moved = before.is_none_or(|before| before.generation != grant.generation);
    let mut columns =
        vec![("written", Value::Integer(integer(change))), ("record", Value::Text(json(grant)))];
    let mut put = |differs: fn(&GrantRecord, &GrantRecord) -> bool, name, value: &dyn Fn() -> Value| {
        if before.is_none_or(|before| differs(before, grant)) {
            columns.push((name, value()));
        }
    };
    put(|_, _| false, "namespace", &|| text(grant.namespace.as_str()));
    put(|_, _| false, "client", &|| text(grant.client.as_str()));
    put(|before, after| before.state.name() != after.state.name(), "state", &|| text(grant.state.name()));
    put(|before, after| before.owner.subject != after.owner.subject, "subject", &|| {
        optional(grant.owner.subject.as_deref().map(text))
    });
    put(|before, after| before.owner.external_id != after.owner.external_id, "external_id", &|| {
        optional(grant.owner.external_id.as_deref().map(text))
    });
    put(|before, after| before.removed_at != after.removed_at, "removed", &|| {
        Value::Integer(grant.removed_at.is_some().into())
    });
    put(|before, after| before.next_due_at != after.next_due_at, "next_due_at", &|| {
        optional(grant.next_due_at.map(|due| Value::Integer(due.0)))
    });
    put(is_news, "change", &|| Value::Integer(integer(change)));
    put(|before, after| token(before) != token(after), "fingerprint", &|| {
        optional(token(grant).map(|token| Value::Blob(keys.fingerprint(token.expose().as_bytes()).to_vec())))
    });
    let seal = |field, plain: Option<Zeroizing<Vec<u8>>>| {
        optional(plain.map(|plain| Value::Blob(keys.seal(&place(grant, &name, field), &plain))))
    };
    if moved || before.is_none_or(|before| before.credential != grant.credential) {
        columns.push((CREDENTIAL, seal(CREDENTIAL, grant.credential.as_ref().map(expose_credential))));
    }
    if moved || before.is_none_or(|before| before.predecessor != grant.predecessor) {
        columns.push((PREDECESSOR, seal(PREDECESSOR, grant.predecessor.as_ref().map(expose_credential))));
    }
    if moved || before.is_none_or(|before| before.access != grant.access) {
        columns
            .push((ACCESS, seal(ACCESS, (!grant.access.is_empty()).then(|| expose_access(&grant.access)))));
    }
    if moved || before.is_none_or(|before| before.spares != grant.spares) {
        columns
            .push((SPARES, seal(SPARES, (!grant.spares.is_empty()).then(|| expose_spares(&grant.spares)))));
    }
    columns
}

/// Whether a process that has cached what the grant hands out has to look again. A lease is no news.
fn is_news(before: &GrantRecord, after: &GrantRecord) -> bool {
    before.generation != after.generation
        || before.state != after.state
        || before.access != after.access
        || before.granted != after.granted
        || before.removed_at != after.removed_at
}

fn token(grant: &GrantRecord) -> Option<&RefreshToken> {
    grant.credential.as_ref().map(|held| &held.refresh_token)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn optional(value: Option<Value>) -> Value {
    value.unwrap_or(Value::Null)
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

/// Another grant than `except` that holds this refresh token.
pub(super) fn holder_of(
    connection: &Connection,
    keys: &KeyRing,
    token: &RefreshToken,
    except: Option<GrantId>,
) -> Result<Option<GrantId>, StoreError> {
    let except = except.map(|grant| id(grant.0));
    let found = keys.look_up(token.expose().as_bytes(), |fingerprint| {
        connection
            .prepare_cached("SELECT id FROM grants WHERE fingerprint = ?1 AND id IS NOT ?2 LIMIT 1")?
            .query_row(params![fingerprint, except], |row| row.get(0))
            .optional()
    })?;
    Ok(found.map(grant_id))
}

/// The grant of this client that holds this refresh token, unless removed or revoked.
pub(super) fn of_token(
    connection: &Connection,
    keys: &KeyRing,
    namespace: &Namespace,
    client: &ClientName,
    token: &RefreshToken,
) -> Result<Option<GrantId>, StoreError> {
    let found = keys.look_up(token.expose().as_bytes(), |fingerprint| {
        connection
            .prepare_cached(
                "SELECT id FROM grants WHERE fingerprint = ?1 AND namespace = ?2 AND client = ?3 AND removed = 0
                 AND state <> 'revoked' LIMIT 1",
            )?
            .query_row(params![fingerprint, namespace.as_str(), client.as_str()], |row| row.get(0))
            .optional()
    })?;
    Ok(found.map(grant_id))
}

/// The grant that this account has given to this client, unless removed or revoked, or known to be another person's: what one
/// user of a program has connected, another one does not take over.
pub(super) fn of_account(
    connection: &Connection,
    namespace: &Namespace,
    client: &ClientName,
    subject: &str,
    external_id: Option<&str>,
) -> Result<Option<GrantId>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT id FROM grants WHERE namespace = ?1 AND client = ?2 AND subject = ?3 AND removed = 0
             AND state <> 'revoked' AND (?4 IS NULL OR external_id IS NULL OR external_id = ?4)
             ORDER BY external_id IS ?4 DESC, id LIMIT 1",
        )?
        .query_row(params![namespace.as_str(), client.as_str(), subject, external_id], |row| row.get(0))
        .optional()?;
    Ok(found.map(grant_id))
}

/// Makes every degraded grant of a client due at once.
pub(super) fn resume(
    connection: &Connection,
    namespace: &Namespace,
    client: &ClientName,
    number: u64,
) -> Result<(), StoreError> {
    // Due since the beginning of time: before whatever else waits.
    connection
        .prepare_cached(
            "UPDATE grants SET next_due_at = 0, written = ?3
             WHERE namespace = ?1 AND client = ?2 AND state = 'degraded'",
        )?
        .execute(params![namespace.as_str(), client.as_str(), integer(number)])?;
    Ok(())
}
