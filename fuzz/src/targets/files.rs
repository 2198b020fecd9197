//! Files beside the database: whoever writes to the disk can have written anything.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use evergrant_store::{
    anchor::{Anchor, AnchorState},
    key::{KeyId, environment, file},
    lifeboat::{Capacity, Lifeboat},
    presence::{self, Presence},
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::secrecy::{CANARY, assert_silent};

/// In memory where there is such a place: nothing here has to be durable.
pub(super) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder can be made")
}

thread_local! {
    static FOLDER: TempDir = folder();
}

/// A file of these bytes that only its owner can read; every thread has one.
pub(super) fn file(bytes: &[u8]) -> PathBuf {
    FOLDER.with(|folder| {
        let path = folder.path().join("file");
        // Replaced by what is under test, which makes files of its own.
        fs::write(&path, bytes).expect("the file can be written");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("the file is ours");
        path
    })
}

/// What is read is written as the same.
pub(super) fn anchor(bytes: &[u8]) {
    let anchor = Anchor::at(file(bytes));
    if let Ok(Some(mark)) = anchor.read() {
        assert_eq!(anchor.compare(&mark), Ok(AnchorState::Matching));
        anchor.raise(&mark).expect("an anchor that was read can be raised");
        anchor.write(&mark).expect("the folder can be written");
        assert_eq!(anchor.read(), Ok(Some(mark)));
    }
}

/// Bytes of a head, and of each slot of the lifeboat of a target.
const HEAD: usize = 4096;
const SLOT: usize = 512;
const SLOTS: usize = 2;

/// The input as a whole file, and as the slots of a file that is sound otherwise.
pub(super) fn lifeboat(bytes: &[u8]) {
    survey(bytes);
    let mut whole = format!("evergrant-lifeboat 1\nslots {SLOTS}\nslot-bytes {SLOT}\n").into_bytes();
    whole.resize(HEAD + SLOTS * SLOT, 0);
    for (slot, part) in whole[HEAD..].chunks_exact_mut(SLOT).zip(bytes.chunks(SLOT)) {
        slot[..part.len()].copy_from_slice(part);
        sign(slot);
    }
    survey(&whole);
}

/// Gives a slot the checksum that it needs to be looked at any further, as in `lifeboat/slot.rs`.
fn sign(slot: &mut [u8]) {
    let length = u32::from_be_bytes([slot[32], slot[33], slot[34], slot[35]]) as usize;
    let Some(body) = slot[96..].get(..length) else { return };
    let checksum = Sha256::new().chain_update(&slot[..64]).chain_update(body).finalize();
    slot[64..96].copy_from_slice(&checksum);
}

fn survey(bytes: &[u8]) {
    thread_local! {
        static PRESENCE: Arc<Presence> = FOLDER.with(|folder| {
            let presence = Presence::register(&folder.path().join("presence"), presence::new_holder());
            Arc::new(presence.expect("the folder can be written"))
        });
    }
    let presence = PRESENCE.with(Arc::clone);
    let Ok(lifeboat) = Lifeboat::open(&file(bytes), Capacity::default(), presence) else { return };
    let survey = lifeboat.survey().expect("a file of the right length can be read");
    let counted = survey.records.len() + survey.damaged.len() + (survey.reserved + survey.free) as usize;
    assert_eq!(counted, lifeboat.capacity().slots as usize, "every place is one thing");
    for found in &survey.records {
        let (holder, record) = (found.reservation.holder(), &found.record);
        assert_eq!(lifeboat.holds_record_of(holder, record.store, record.epoch), Ok(true));
        lifeboat.release(&found.reservation).expect("a place can be given back");
    }
    if let Ok(place) = lifeboat.reserve() {
        lifeboat.release(&place).expect("a place can be given back");
    }
}

/// A key file; no part of it is repeated in an error.
pub(super) fn key_file(bytes: &[u8]) {
    match file::load(&file(bytes)) {
        Ok(keys) => assert!(!keys.status().is_empty()),
        Err(error) => assert_silent(&[CANARY], &format!("{error} {error:?}")),
    }
}

/// The environment variable with keys; no part of it is repeated in an error.
pub(super) fn key_variable(bytes: &[u8]) {
    if let Err(error) = environment::parse(OsStr::from_bytes(bytes)) {
        assert_silent(&[CANARY], &format!("{error} {error:?}"));
    }
    if let Some(id) = str::from_utf8(bytes).ok().and_then(KeyId::parse) {
        assert_eq!(KeyId::parse(&id.to_string()), Some(id));
    }
}
