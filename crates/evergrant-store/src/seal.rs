//! Sealing: encryption that opens only in the place it was made for.
//!
//! A sealed blob is AES-256-GCM under a key that is derived (HKDF-SHA256) for this one sealing from a master key
//! and 256 fresh random bits. The associated data name the place, so that a blob moved to another namespace,
//! record, field or generation does not open (ASVS 5, 11.3.3).
//!
//! ```text
//! blob            = version (1 byte) | key id (8) | salt (32) | ciphertext | tag (16)
//! associated data = each with its length in 4 bytes before it: version, namespace, record, field, generation, key id
//! ```

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey},
    hkdf, hmac,
};
use zeroize::Zeroizing;

use crate::{
    key::{KeyId, KeyRing, MasterKey},
    random,
};

const VERSION: u8 = 1;
const SALT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + KeyId::BYTES + SALT_BYTES;

/// How much longer a sealed blob is than what it holds.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

/// Where a sealed blob belongs. Two places that differ in anything do not open each other's blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedPlace<'a> {
    /// The tenant.
    pub namespace: &'a str,
    /// The id of the grant, client or other record.
    pub record: &'a str,
    /// Which of its fields.
    pub field: &'a str,
    /// The generation of the record that this value belongs to; 0 where a record has none.
    pub generation: u64,
}

/// Why a blob did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key it was sealed under is not in the ring.
    #[error("it is sealed under key {0}, which is not among the loaded keys; add that key")]
    UnknownKey(KeyId),
    /// It was changed, or it belongs to another place.
    #[error("it was changed or belongs to another record; restore the record from a backup")]
    Tampered,
    /// It is not a sealed blob at all.
    #[error(
        "it is not a sealed value of this version; upgrade Evergrant or restore the record from a backup"
    )]
    Malformed,
}

impl KeyRing {
    /// Seals under the primary key.
    ///
    /// The salt is drawn here and is no parameter, unlike randomness elsewhere: a salt used twice would repeat
    /// key and nonce, which ends the secrecy of both blobs.
    pub fn seal(&self, place: &SealedPlace<'_>, plaintext: &[u8]) -> Vec<u8> {
        let master = self.primary();
        let mut salt = [0; SALT_BYTES];
        random::fill(&mut salt);
        let data = associated_data(place, master.id());
        let mut blob = Vec::with_capacity(OVERHEAD_BYTES + plaintext.len());
        blob.push(VERSION);
        blob.extend_from_slice(master.id().as_bytes());
        blob.extend_from_slice(&salt);
        blob.extend_from_slice(plaintext);
        let tag = encrypt(&record_key(master, &salt), &data, &mut blob[HEADER_BYTES..]);
        blob.extend_from_slice(tag.as_ref());
        blob
    }

    /// Opens a blob in the place it was sealed for.
    pub fn open(&self, place: &SealedPlace<'_>, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (id, salt, ciphertext) = parse(blob).ok_or(OpenError::Malformed)?;
        let master = self.find(id).ok_or(OpenError::UnknownKey(id))?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let length = record_key(master, salt)
            .open_in_place(nonce(), Aad::from(associated_data(place, id)), &mut buffer)
            .map_err(|_| OpenError::Tampered)?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }

    /// A keyed fingerprint of a secret under the primary key, to recognise the secret without storing it: "this
    /// refresh token is already held", the hash of an access token. Without the key it cannot be checked
    /// against guesses.
    pub fn fingerprint(&self, secret: &[u8]) -> [u8; 32] {
        fingerprint(self.primary(), secret)
    }

    /// The fingerprints of a secret under every key, the primary first: for finding one that was taken before
    /// the primary key changed.
    pub fn fingerprints(&self, secret: &[u8]) -> Vec<[u8; 32]> {
        self.iter().map(|key| fingerprint(key, secret)).collect()
    }

    /// What is found by a fingerprint of this secret, the one of the primary key first: it may have been written down under
    /// an older key.
    pub(crate) fn look_up<T, E>(
        &self,
        secret: &[u8],
        mut find: impl FnMut([u8; 32]) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        for fingerprint in self.fingerprints(secret) {
            if let Some(found) = find(fingerprint)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl KeyRing {
    /// A key for something else than sealing, such as signing links: the same in every process that has this primary key,
    /// and another one for every purpose.
    #[expect(clippy::missing_panics_doc, reason = "32 bytes are far from the most that HKDF gives")]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(self.primary().expose());
        let info = [b"evergrant derived v1".as_slice(), purpose.as_bytes()];
        let expanded = extracted.expand(&info, hkdf::HKDF_SHA256).expect("32 bytes can be derived");
        let mut bytes = [0; 32];
        expanded.fill(&mut bytes).expect("32 bytes were asked for");
        bytes
    }
}

/// The key a blob was sealed under; `None` if it is not a sealed blob. Opens nothing.
pub fn key_of(blob: &[u8]) -> Option<KeyId> {
    parse(blob).map(|(id, _, _)| id)
}

fn parse(blob: &[u8]) -> Option<(KeyId, &[u8], &[u8])> {
    let (&version, rest) = blob.split_first()?;
    let (id, rest) = rest.split_first_chunk::<{ KeyId::BYTES }>()?;
    let (salt, ciphertext) = rest.split_at_checked(SALT_BYTES)?;
    (version == VERSION && ciphertext.len() >= TAG_BYTES).then(|| (KeyId::from_bytes(*id), salt, ciphertext))
}

fn encrypt(key: &LessSafeKey, data: &[u8], buffer: &mut [u8]) -> Tag {
    key.seal_in_place_separate_tag(nonce(), Aad::from(data), buffer)
        .expect("a secret is far below the limit of AES-GCM")
}

fn record_key(master: &MasterKey, salt: &[u8]) -> LessSafeKey {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(master.expose());
    let expanded = extracted.expand(&[b"evergrant seal v1"], &AES_256_GCM).expect("32 bytes can be derived");
    LessSafeKey::new(UnboundKey::from(expanded))
}

/// Always zero: a key encrypts one message only, so no nonce can repeat under it.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

fn associated_data(place: &SealedPlace<'_>, id: KeyId) -> Vec<u8> {
    let generation = place.generation.to_be_bytes();
    let parts: [&[u8]; 6] = [
        &[VERSION],
        place.namespace.as_bytes(),
        place.record.as_bytes(),
        place.field.as_bytes(),
        &generation,
        id.as_bytes(),
    ];
    // Without the lengths, ("ab", "c") and ("a", "bc") would be the same place.
    let mut data = Vec::with_capacity(parts.iter().map(|part| 4 + part.len()).sum());
    for part in parts {
        data.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        data.extend_from_slice(part);
    }
    data
}

fn fingerprint(master: &MasterKey, secret: &[u8]) -> [u8; 32] {
    let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, master.expose()), b"evergrant fingerprint v1");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), secret);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use evergrant_proto::time::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const PLACE: SealedPlace<'_> =
        SealedPlace { namespace: "default", record: "grant-1", field: "refresh_token", generation: 7 };

    fn ring() -> KeyRing {
        KeyRing::new(MasterKey::generate(Timestamp(0)), [])
    }

    #[test]
    fn a_sealed_secret_opens_in_its_place() {
        let ring = ring();
        let blob = ring.seal(&PLACE, b"rt-canary");
        assert_eq!(ring.open(&PLACE, &blob).unwrap().as_slice(), b"rt-canary");
        assert_eq!(blob.len(), b"rt-canary".len() + OVERHEAD_BYTES);
        assert!(!blob.windows(9).any(|window| window == b"rt-canary"));
    }

    #[test]
    fn sealing_twice_gives_unrelated_blobs() {
        let ring = ring();
        assert_ne!(ring.seal(&PLACE, b"same"), ring.seal(&PLACE, b"same"));
    }

    #[test]
    fn an_older_key_still_opens_and_a_missing_one_is_named() {
        let (old, new) = (MasterKey::generate(Timestamp(0)), MasterKey::generate(Timestamp(1)));
        let blob = KeyRing::new(old.clone(), []).seal(&PLACE, b"secret");
        let both = KeyRing::new(new.clone(), [old.clone()]);
        assert_eq!(both.open(&PLACE, &blob).unwrap().as_slice(), b"secret");
        let only_new = KeyRing::new(new, []);
        assert_eq!(only_new.open(&PLACE, &blob), Err(OpenError::UnknownKey(old.id())));
        assert_eq!(key_of(&blob), Some(old.id()));
    }

    #[test]
    fn a_blob_relabelled_with_another_key_does_not_open() {
        let (first, second) = (MasterKey::generate(Timestamp(0)), MasterKey::generate(Timestamp(1)));
        let ring = KeyRing::new(first, [second.clone()]);
        let mut blob = ring.seal(&PLACE, b"secret");
        blob[1..=KeyId::BYTES].copy_from_slice(second.id().as_bytes());
        assert_eq!(ring.open(&PLACE, &blob), Err(OpenError::Tampered));
    }

    #[test]
    fn what_is_not_a_blob_is_malformed() {
        let ring = ring();
        let blob = ring.seal(&PLACE, b"");
        assert_eq!(ring.open(&PLACE, &[]), Err(OpenError::Malformed));
        assert_eq!(ring.open(&PLACE, &blob[..blob.len() - 1]), Err(OpenError::Malformed));
        assert_eq!(ring.open(&PLACE, b"plain text that was never sealed"), Err(OpenError::Malformed));
    }

    #[test]
    fn a_fingerprint_depends_on_the_secret_and_on_the_key() {
        let (ring, other) = (ring(), ring());
        assert_eq!(ring.fingerprint(b"token"), ring.fingerprint(b"token"));
        assert_ne!(ring.fingerprint(b"token"), ring.fingerprint(b"token2"));
        assert_ne!(ring.fingerprint(b"token"), other.fingerprint(b"token"));
    }

    #[test]
    fn a_secret_is_found_by_a_fingerprint_taken_under_an_older_key() {
        let (old, new) = (MasterKey::generate(Timestamp(0)), MasterKey::generate(Timestamp(1)));
        let taken = KeyRing::new(old.clone(), []).fingerprint(b"token");
        let ring = KeyRing::new(new, [old]);
        assert_ne!(ring.fingerprint(b"token"), taken);
        assert!(ring.fingerprints(b"token").contains(&taken));
    }

    fn place_parts() -> impl Strategy<Value = (String, String, String, u64)> {
        ("[a-c]{0,3}", "[a-c]{0,3}", "[a-c]{0,3}", 0_u64..3)
    }

    fn place(parts: &(String, String, String, u64)) -> SealedPlace<'_> {
        SealedPlace { namespace: &parts.0, record: &parts.1, field: &parts.2, generation: parts.3 }
    }

    proptest! {
        #[test]
        fn a_blob_opens_in_its_own_place_and_in_no_other(
            home in place_parts(),
            elsewhere in place_parts(),
            secret in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let ring = ring();
            let blob = ring.seal(&place(&home), &secret);
            let opened = ring.open(&place(&elsewhere), &blob).map(|secret| secret.to_vec());
            if home == elsewhere {
                prop_assert_eq!(opened, Ok(secret));
            } else {
                prop_assert_eq!(opened, Err(OpenError::Tampered));
            }
        }

        #[test]
        fn a_blob_with_any_bit_changed_does_not_open(
            secret in proptest::collection::vec(any::<u8>(), 0..32),
            position in any::<proptest::sample::Index>(),
        ) {
            let ring = ring();
            let mut blob = ring.seal(&PLACE, &secret);
            let bit = position.index(blob.len() * 8);
            blob[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(ring.open(&PLACE, &blob).is_err());
        }

        #[test]
        fn bytes_that_were_never_sealed_do_not_open(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            prop_assert!(ring().open(&PLACE, &bytes).is_err());
        }
    }
}
