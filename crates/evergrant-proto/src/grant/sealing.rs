//! The byte form in which secrets of a grant are handed to the store for sealing, and read after opening.
//!
//! The private mirror types are the only place where these secrets meet serde.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    access::{AccessEntry, AccessKey, Expiry},
    credential::{Credential, IssuedTokens, Spare},
};
use crate::{
    name::{AttemptId, Generation},
    scope::ScopeSet,
    secret::{AccessToken, InvalidSecret, RefreshToken},
    time::Timestamp,
};

/// Opened bytes that do not hold what they should: a newer version wrote them, or the store is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a sealed field opened but cannot be read: written by a newer version?")]
pub struct Unreadable;

/// The refresh token and its dates.
pub fn expose_credential(credential: &Credential) -> Zeroizing<Vec<u8>> {
    to_bytes(&CredentialBytes::from(credential))
}

/// Reverses [`expose_credential`].
pub fn read_credential(bytes: &[u8]) -> Result<Credential, Unreadable> {
    from_bytes::<CredentialBytes>(bytes)?.try_into()
}

/// All access tokens of a grant.
pub fn expose_access(entries: &[AccessEntry]) -> Zeroizing<Vec<u8>> {
    to_bytes(&entries.iter().map(AccessBytes::from).collect::<Vec<_>>())
}

/// Reverses [`expose_access`].
pub fn read_access(bytes: &[u8]) -> Result<Vec<AccessEntry>, Unreadable> {
    from_bytes::<Vec<AccessBytes>>(bytes)?.into_iter().map(TryInto::try_into).collect()
}

/// All spares of a grant.
pub fn expose_spares(spares: &[Spare]) -> Zeroizing<Vec<u8>> {
    let bytes: Vec<_> =
        spares.iter().map(|spare| (spare.attempt, CredentialBytes::from(&spare.credential))).collect();
    to_bytes(&bytes)
}

/// Reverses [`expose_spares`].
pub fn read_spares(bytes: &[u8]) -> Result<Vec<Spare>, Unreadable> {
    from_bytes::<Vec<(AttemptId, CredentialBytes)>>(bytes)?
        .into_iter()
        .map(|(attempt, credential)| Ok(Spare { attempt, credential: credential.try_into()? }))
        .collect()
}

/// What a response brought, for the lifeboat.
pub fn expose_issued(issued: &IssuedTokens) -> Zeroizing<Vec<u8>> {
    to_bytes(&IssuedBytes {
        access: issued.access.as_ref().map(AccessBytes::from),
        refresh_token: issued.refresh_token.as_ref().map(|token| Zeroizing::new(token.expose().to_owned())),
        refresh_expires_at: issued.refresh_expires_at,
        authorization_expires_at: issued.authorization_expires_at,
        scope: issued.scope.clone(),
        sent_at: issued.sent_at,
    })
}

/// Reverses [`expose_issued`].
pub fn read_issued(bytes: &[u8]) -> Result<IssuedTokens, Unreadable> {
    let issued: IssuedBytes = from_bytes(bytes)?;
    Ok(IssuedTokens {
        access: issued.access.map(TryInto::try_into).transpose()?,
        refresh_token: issued.refresh_token.map(|token| RefreshToken::new(token.as_str())).transpose()?,
        refresh_expires_at: issued.refresh_expires_at,
        authorization_expires_at: issued.authorization_expires_at,
        scope: issued.scope,
        sent_at: issued.sent_at,
    })
}

fn to_bytes(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    // Room for the usual token, so that growing the buffer does not leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(8 * 1024));
    serde_json::to_writer(&mut *bytes, value).expect("strings, numbers and lists always serialize");
    bytes
}

fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes).map_err(|_| Unreadable)
}

impl From<InvalidSecret> for Unreadable {
    fn from(_: InvalidSecret) -> Self {
        Self
    }
}

#[derive(Serialize, Deserialize)]
struct CredentialBytes {
    refresh_token: Zeroizing<String>,
    generation: Generation,
    obtained_at: Timestamp,
    expires_at: Option<Timestamp>,
    authorization_expires_at: Option<Timestamp>,
}

impl From<&Credential> for CredentialBytes {
    fn from(credential: &Credential) -> Self {
        Self {
            refresh_token: Zeroizing::new(credential.refresh_token.expose().to_owned()),
            generation: credential.generation,
            obtained_at: credential.obtained_at,
            expires_at: credential.expires_at,
            authorization_expires_at: credential.authorization_expires_at,
        }
    }
}

impl TryFrom<CredentialBytes> for Credential {
    type Error = Unreadable;

    fn try_from(bytes: CredentialBytes) -> Result<Self, Unreadable> {
        Ok(Self {
            refresh_token: RefreshToken::new(bytes.refresh_token.as_str())?,
            generation: bytes.generation,
            obtained_at: bytes.obtained_at,
            expires_at: bytes.expires_at,
            authorization_expires_at: bytes.authorization_expires_at,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct AccessBytes {
    key: AccessKey,
    token: Zeroizing<String>,
    token_type: String,
    scope: Option<ScopeSet>,
    issued_at: Timestamp,
    expiry: Expiry,
    generation: Generation,
    rejected: bool,
    jitter: u16,
}

impl From<&AccessEntry> for AccessBytes {
    fn from(entry: &AccessEntry) -> Self {
        Self {
            key: entry.key.clone(),
            token: Zeroizing::new(entry.token.expose().to_owned()),
            token_type: entry.token_type.clone(),
            scope: entry.scope.clone(),
            issued_at: entry.issued_at,
            expiry: entry.expiry,
            generation: entry.generation,
            rejected: entry.rejected,
            jitter: entry.jitter,
        }
    }
}

impl TryFrom<AccessBytes> for AccessEntry {
    type Error = Unreadable;

    fn try_from(bytes: AccessBytes) -> Result<Self, Unreadable> {
        Ok(Self {
            key: bytes.key,
            token: AccessToken::new(bytes.token.as_str())?,
            token_type: bytes.token_type,
            scope: bytes.scope,
            issued_at: bytes.issued_at,
            expiry: bytes.expiry,
            generation: bytes.generation,
            rejected: bytes.rejected,
            jitter: bytes.jitter,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct IssuedBytes {
    access: Option<AccessBytes>,
    refresh_token: Option<Zeroizing<String>>,
    refresh_expires_at: Option<Timestamp>,
    authorization_expires_at: Option<Timestamp>,
    scope: Option<ScopeSet>,
    sent_at: Timestamp,
}
