//! The keys that seal credentials. They live outside the database, so that a copy of it alone opens nothing.
//!
//! A [`KeyRing`] holds every key that may still be needed to open something and names the one that seals. Where
//! its keys come from is the business of its sources: [`file`], [`environment`].

pub mod environment;
pub mod file;
mod text;

use std::{collections::BTreeMap, fmt, iter};

use aws_lc_rs::hmac;
use evergrant_proto::time::Timestamp;
use zeroize::Zeroizing;

use crate::random;

pub use text::MalformedKeys;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Names a key without telling anything about it: 16 hexadecimal digits, computed from the key. A key that was
/// damaged or mistyped therefore does not have its name any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KeyId::BYTES]);

impl KeyId {
    /// Bytes of an id.
    pub const BYTES: usize = 8;

    /// The id as it stands in a sealed blob.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes that stand in a sealed blob.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    fn of(key: &[u8; KEY_BYTES]) -> Self {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"evergrant key id v1");
        let mut bytes = [0; Self::BYTES];
        bytes.copy_from_slice(&tag.as_ref()[..Self::BYTES]);
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// One key of 256 bits, masked in `Debug` and wiped when dropped.
#[derive(Clone)]
pub struct MasterKey {
    id: KeyId,
    created: Option<Timestamp>,
    secret: Zeroizing<[u8; KEY_BYTES]>,
}

impl MasterKey {
    /// A new key from the system's random source.
    pub fn generate(created: Timestamp) -> Self {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        random::fill(secret.as_mut_slice());
        Self::from_secret(secret, Some(created))
    }

    /// A key that a source brought; `created` where the source knows it.
    pub fn from_secret(secret: Zeroizing<[u8; KEY_BYTES]>, created: Option<Timestamp>) -> Self {
        Self { id: KeyId::of(&secret), created, secret }
    }

    /// The name of this key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The secret itself, for deriving from it and for writing the key file.
    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.secret
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MasterKey({}, ***)", self.id)
    }
}

/// All keys that may be needed to open something, and the one that seals.
#[derive(Debug, Clone)]
pub struct KeyRing {
    primary: MasterKey,
    older: BTreeMap<KeyId, MasterKey>,
}

/// What may be told about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyStatus {
    /// Its name.
    pub id: KeyId,
    /// Whether it seals; every key opens.
    pub primary: bool,
    /// When it was made, where its source knows.
    pub created: Option<Timestamp>,
}

impl KeyRing {
    /// A ring whose `primary` seals and whose `older` keys only open.
    pub fn new(primary: MasterKey, older: impl IntoIterator<Item = MasterKey>) -> Self {
        let older = older.into_iter().map(|key| (key.id, key)).filter(|(id, _)| *id != primary.id).collect();
        Self { primary, older }
    }

    /// The key that seals.
    pub fn primary(&self) -> &MasterKey {
        &self.primary
    }

    /// The key of that name, if the ring has it.
    pub fn find(&self, id: KeyId) -> Option<&MasterKey> {
        if id == self.primary.id { Some(&self.primary) } else { self.older.get(&id) }
    }

    /// All keys, the primary first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        iter::once(&self.primary).chain(self.older.values())
    }

    /// What `evergrant keys status` shows, the primary first.
    pub fn status(&self) -> Vec<KeyStatus> {
        let status = |key: &MasterKey| KeyStatus {
            id: key.id,
            primary: key.id == self.primary.id,
            created: key.created,
        };
        self.iter().map(status).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_masked_in_debug_output() {
        let key = MasterKey::from_secret(Zeroizing::new([0x41; KEY_BYTES]), None);
        let ring = KeyRing::new(key, []);
        let shown = format!("{ring:?}");
        assert!(shown.contains("***"), "{shown}");
        assert!(!shown.contains("65") && !shown.contains("AAAA"), "{shown}");
    }

    #[test]
    fn the_status_lists_the_primary_first() {
        let (old, new) = (MasterKey::generate(Timestamp(1)), MasterKey::generate(Timestamp(2)));
        let ring = KeyRing::new(new.clone(), [old.clone()]);
        let expected = [
            KeyStatus { id: new.id, primary: true, created: Some(Timestamp(2)) },
            KeyStatus { id: old.id, primary: false, created: Some(Timestamp(1)) },
        ];
        assert_eq!(ring.status(), expected);
    }
}
