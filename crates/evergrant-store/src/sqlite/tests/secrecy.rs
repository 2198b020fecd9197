use std::{fs, path::Path};

use evergrant_proto::transaction::Command;
use rusqlite::params;

use super::world::{Host, claimed, import, stocked, succeed, unavailable};
use crate::{
    key::{KeyRing, MasterKey, file::KeyFileError},
    sqlite::OpenStoreError,
    store::{Reason, Store},
};

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn no_file_of_the_store_holds_a_secret() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    let place = store.reserve().await.unwrap();
    claimed(&store, 1, 10).await;
    store.rescue(place, succeed(1, 10)).await.unwrap();
    store.execute(succeed(1, 10)).await.unwrap();
    let files = files(host.path());
    assert!(files.len() >= 6, "{files:?}");
    for file in files {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "{}", file.display());
    }
}

#[tokio::test]
async fn a_ciphertext_moved_between_rows_or_columns_does_not_open() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1, 2]).await;
    claimed(&store, 1, 10).await;
    store.execute(succeed(1, 10)).await.unwrap();
    let moves = [
        "UPDATE grants SET credential = (SELECT credential FROM grants WHERE id = ?1) WHERE id = ?2",
        "UPDATE grants SET predecessor = credential WHERE id = ?1 AND ?2 = ?2",
        "UPDATE grants SET spares = access WHERE id = ?1 AND ?2 = ?2",
    ];
    for sql in moves {
        host.database().execute(sql, params![id(1), id(2)]).unwrap();
    }
    for grant in [1, 2] {
        let refused = unavailable(store.grant(evergrant_proto::name::GrantId(grant)).await);
        assert_eq!(refused.reason, Reason::Damaged);
        assert!(!refused.to_string().contains("canary"), "{refused}");
    }
}

#[tokio::test]
async fn a_damaged_grant_fails_alone() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1, 2]).await;
    let record = "{\"id\": \"canary\"";
    host.database().execute("UPDATE grants SET record = ?1 WHERE id = ?2", params![record, id(1)]).unwrap();
    let (damaged, sound) = tokio::join!(
        store.execute(Command::Import(Box::new(import(1)))),
        store.execute(Command::Import(Box::new(import(2)))),
    );
    let damaged = unavailable(damaged);
    assert_eq!(damaged.reason, Reason::Damaged);
    assert!(!damaged.to_string().contains("canary"), "{damaged}");
    sound.unwrap();
}

#[tokio::test]
async fn a_store_is_not_opened_with_other_keys_or_without_its_own() {
    let host = Host::new();
    drop(host.open());
    let mut other = Host::new();
    other.options.paths = host.options.paths.clone();
    other.options.keys = Some(KeyRing::new(MasterKey::generate(super::world::NOW), []));
    let error = other.try_open().unwrap_err();
    assert!(matches!(error, OpenStoreError::WrongKeys(_)), "{error}");
    fs::remove_file(&host.options.paths.keys).unwrap();
    let error = host.try_open().unwrap_err();
    assert!(matches!(error, OpenStoreError::Keys(KeyFileError::Missing(_))), "{error}");
    assert!(!host.options.paths.keys.exists());
}

#[tokio::test]
async fn what_an_older_key_sealed_opens_under_a_ring_with_a_new_primary() {
    let mut host = Host::new();
    let old = MasterKey::generate(super::world::NOW);
    host.options.keys = Some(KeyRing::new(old.clone(), []));
    stocked(&host.open(), [1]).await;
    host.options.keys = Some(KeyRing::new(MasterKey::generate(super::world::NOW), [old]));
    let store = host.open();
    assert_eq!(super::world::refresh_token(&super::world::read(&store, 1).await), "rt-canary-1-1");
    let mut second = import(2);
    second.refresh_token = import(1).refresh_token;
    assert!(store.execute(Command::Import(Box::new(second))).await.is_err());
}

fn id(number: u128) -> [u8; 16] {
    number.to_be_bytes()
}
