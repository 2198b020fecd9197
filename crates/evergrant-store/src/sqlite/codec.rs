//! How values stand in columns.

use evergrant_proto::name::GrantId;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    key::KeyRing,
    seal::{self, SealedPlace},
    store::{Reason, StoreError, Unavailable},
};

/// A counter as SQLite keeps it. None of ours reaches 2^63.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A counter from SQLite.
pub(super) fn counter(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// How many rows at most.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// An id as it stands in a column.
pub(super) fn id(number: u128) -> [u8; 16] {
    number.to_be_bytes()
}

/// Reads a grant's id from a column.
pub(super) fn grant_id(bytes: [u8; 16]) -> GrantId {
    GrantId(u128::from_be_bytes(bytes))
}

/// A record as it stands in its column.
pub(super) fn json(record: &impl Serialize) -> String {
    serde_json::to_string(record).expect("strings, numbers, lists and maps by name always serialize")
}

/// Reads a record from its column; `what` names it in the error.
pub(super) fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    // The error says where, not what: the text around it could be anything.
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        damaged(format_args!("{what} at line {line}, column {column}"))
    })
}

/// Opens a sealed column and reads it.
pub(super) fn unseal<T, E>(
    keys: &KeyRing,
    place: &SealedPlace<'_>,
    blob: Option<&[u8]>,
    read: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<Option<T>, StoreError> {
    let Some(blob) = blob else { return Ok(None) };
    let plain = open(keys, place, blob)?;
    let value = read(&plain).map_err(|_| damaged(format_args!("{} of {}", place.field, place.record)))?;
    Ok(Some(value))
}

fn open(keys: &KeyRing, place: &SealedPlace<'_>, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    keys.open(place, blob).map_err(|error| {
        let detail = format_args!("{} of {}: {error}", place.field, place.record);
        match error {
            seal::OpenError::UnknownKey(_) => Unavailable::new(Reason::Key, detail).into(),
            seal::OpenError::Tampered | seal::OpenError::Malformed => damaged(detail),
        }
    })
}

pub(super) fn damaged(detail: impl std::fmt::Display) -> StoreError {
    Unavailable::new(Reason::Damaged, detail).into()
}
