//! Authorizations as rows.

use evergrant_proto::{
    authorization::{AuthorizationRecord, AuthorizationStatus, SUPERSEDED},
    name::{AuthorizationId, GrantId},
    secret::{AuthorizationState, CodeVerifier, InvalidSecret},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec::{id, json, parse, unseal};
use crate::{key::KeyRing, seal::SealedPlace, store::StoreError};

const COLUMNS: &str = "record, state, verifier";

struct AuthorizationRow {
    record: String,
    state: Option<Vec<u8>>,
    verifier: Option<Vec<u8>>,
}

impl AuthorizationRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { record: row.get(0)?, state: row.get(1)?, verifier: row.get(2)? })
    }

    fn open(self, keys: &KeyRing) -> Result<AuthorizationRecord, StoreError> {
        let mut record: AuthorizationRecord = parse("an authorization", &self.record)?;
        let name = record.id.to_string();
        let state = unseal(keys, &place(&record, &name, STATE), self.state.as_deref(), |bytes| {
            text(bytes).and_then(AuthorizationState::new)
        })?;
        let verifier = unseal(keys, &place(&record, &name, VERIFIER), self.verifier.as_deref(), |bytes| {
            text(bytes).and_then(CodeVerifier::new)
        })?;
        record.state = state;
        record.verifier = verifier;
        Ok(record)
    }
}

const STATE: &str = "state";
const VERIFIER: &str = "code_verifier";

fn place<'a>(record: &'a AuthorizationRecord, name: &'a str, field: &'a str) -> SealedPlace<'a> {
    SealedPlace { namespace: record.namespace.as_str(), record: name, field, generation: 0 }
}

fn text(bytes: &[u8]) -> Result<&str, InvalidSecret> {
    str::from_utf8(bytes).map_err(|_| InvalidSecret::Unprintable)
}

/// The authorization of that id.
pub(super) fn find(
    connection: &Connection,
    keys: &KeyRing,
    authorization: AuthorizationId,
) -> Result<Option<AuthorizationRecord>, StoreError> {
    let row = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM authorizations WHERE id = ?1"))?
        .query_row([id(authorization.0)], AuthorizationRow::read)
        .optional()?;
    row.map(|row| row.open(keys)).transpose()
}

/// The authorization whose link carries this state.
pub(super) fn find_by_state(
    connection: &Connection,
    keys: &KeyRing,
    state: &AuthorizationState,
) -> Result<Option<AuthorizationRecord>, StoreError> {
    let row = keys.look_up(state.expose().as_bytes(), |fingerprint| {
        connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM authorizations WHERE fingerprint = ?1"))?
            .query_row([fingerprint], AuthorizationRow::read)
            .optional()
    })?;
    row.map(|row| row.open(keys)).transpose()
}

/// Writes an authorization, new or changed.
pub(super) fn save(
    connection: &Connection,
    keys: &KeyRing,
    record: &AuthorizationRecord,
) -> Result<(), StoreError> {
    let name = record.id.to_string();
    let seal = |field, secret: &str| keys.seal(&place(record, &name, field), secret.as_bytes());
    connection
        .prepare_cached(
            "INSERT INTO authorizations (id, grant_id, open, fingerprint, record, state, verifier)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET
                grant_id = ?2, open = ?3, fingerprint = ?4, record = ?5, state = ?6, verifier = ?7",
        )?
        .execute(params![
            id(record.id.0),
            record.grant.map(|grant| id(grant.0)),
            record.status == AuthorizationStatus::Open,
            record.state.as_ref().map(|state| keys.fingerprint(state.expose().as_bytes())),
            json(record),
            record.state.as_ref().map(|state| seal(STATE, state.expose())),
            record.verifier.as_ref().map(|verifier| seal(VERIFIER, verifier.expose())),
        ])?;
    Ok(())
}

/// Ends every open authorization of a grant but one.
pub(super) fn close_links(
    connection: &Connection,
    keys: &KeyRing,
    grant: GrantId,
    except: Option<AuthorizationId>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM authorizations WHERE grant_id = ?1 AND open = 1 AND id IS NOT ?2"
    ))?;
    let except = except.map(|authorization| id(authorization.0));
    let rows = statement
        .query_map(params![id(grant.0), except], AuthorizationRow::read)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for row in rows {
        let mut record = row.open(keys)?;
        record.status = AuthorizationStatus::Failed { reason: SUPERSEDED.to_owned(), diagnosis: None };
        save(connection, keys, &record)?;
    }
    Ok(())
}
