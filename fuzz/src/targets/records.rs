//! What the store reads back: records in JSON, sealed fields, sealed blobs.

use std::{fmt::Debug, sync::LazyLock};

use evergrant_proto::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    diagnosis::Diagnosis,
    grant::{
        Attempt, Event, GrantRecord, expose_access, expose_credential, expose_issued, expose_spares,
        read_access, read_credential, read_issued, read_spares,
    },
};
use evergrant_store::{
    key::{KEY_BYTES, KeyRing, MasterKey},
    seal::{self, SealedPlace},
};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::secrecy::{CANARY, assert_masked};

/// Records as they stand in their columns. What is read is written as the same.
pub(super) fn store_records(bytes: &[u8]) {
    survives_its_json::<GrantRecord>(bytes);
    survives_its_json::<ClientRecord>(bytes);
    survives_its_json::<AuthorizationRecord>(bytes);
    survives_its_json::<Attempt>(bytes);
    survives_its_json::<Event>(bytes);
    survives_its_json::<Diagnosis>(bytes);
}

fn survives_its_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(record) = serde_json::from_slice::<T>(bytes) {
        let json = serde_json::to_vec(&record).expect("a record serializes");
        assert_eq!(serde_json::from_slice::<T>(&json).ok(), Some(record));
    }
}

/// The byte form in which secrets are sealed.
pub(super) fn sealed_fields(bytes: &[u8]) {
    if let Ok(credential) = read_credential(bytes) {
        assert_masked(bytes, &[credential.refresh_token.expose()], &credential);
        assert_eq!(read_credential(&expose_credential(&credential)), Ok(credential));
    }
    if let Ok(entries) = read_access(bytes) {
        let tokens: Vec<_> = entries.iter().map(|entry| entry.token.expose()).collect();
        assert_masked(bytes, &tokens, &entries);
        assert_eq!(read_access(&expose_access(&entries)), Ok(entries));
    }
    if let Ok(spares) = read_spares(bytes) {
        assert_eq!(read_spares(&expose_spares(&spares)), Ok(spares));
    }
    if let Ok(issued) = read_issued(bytes) {
        let refresh = issued.refresh_token.as_ref().map(|token| token.expose().to_owned());
        assert_masked(bytes, &refresh.iter().map(String::as_str).collect::<Vec<_>>(), &issued);
        assert_eq!(read_issued(&expose_issued(&issued)), Ok(issued));
    }
}

/// The keys of every target that needs some.
pub(super) fn keys() -> &'static KeyRing {
    static KEYS: LazyLock<KeyRing> =
        LazyLock::new(|| KeyRing::new(MasterKey::from_secret(Zeroizing::new([7; KEY_BYTES]), None), []));
    &KEYS
}

/// A sealed blob of our own, changed by the input, does not open; nor does the input as a blob.
pub(super) fn sealed_blob(bytes: &[u8]) {
    const PLACE: SealedPlace<'_> =
        SealedPlace { namespace: "default", record: "g_1", field: "credential", generation: 7 };
    static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| keys().seal(&PLACE, CANARY.as_bytes()));
    let _ = seal::key_of(bytes);
    assert!(keys().open(&PLACE, bytes).is_err(), "a forged blob opens");

    let mut changed = SEALED.clone();
    for pair in bytes.chunks_exact(2) {
        let at = usize::from(pair[0]) % changed.len();
        changed[at] ^= pair[1];
    }
    changed.truncate(SEALED.len() - usize::from(bytes.len() % 2 == 1 && bytes.len() > 1));
    let opened = keys().open(&PLACE, &changed);
    assert_eq!(opened.is_ok(), changed == *SEALED, "a changed blob opens, or the true one does not");
}
