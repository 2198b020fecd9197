use std::{fs, os::unix::fs::symlink};

use evergrant_proto::transaction::{Command, Reply, Wait};

use super::world::{Host, NOW, claim, claimed, import, read, refresh_token, stocked, succeed, unavailable};
use crate::{
    anchor::AnchorState,
    key::{KeyRing, MasterKey},
    sqlite::{OpenStoreError, Paths},
    store::{Reason, Store},
};

/// A store whose database was put back to where it was before its refresh.
async fn restored() -> Host {
    let host = Host::new();
    stocked(&host.open(), [1]).await;
    let backup = host.path().join("backup");
    fs::copy(&host.options.paths.database, &backup).unwrap();
    let store = host.open();
    claimed(&store, 1, 10).await;
    store.execute(succeed(1, 10)).await.unwrap();
    drop(store);
    fs::rename(&backup, &host.options.paths.database).unwrap();
    host
}

#[tokio::test]
async fn a_restored_backup_serves_and_refreshes_nothing_until_it_is_adopted() {
    let host = restored().await;
    let store = host.open();
    assert_eq!(store.status().await.unwrap().quarantine, Some(AnchorState::Ahead));
    read(&store, 1).await;
    match store.execute(claim(&store, 1, 11)).await.unwrap() {
        Reply::Deferred(deferral) => assert_eq!(deferral.wait, Wait::Quarantined),
        other => panic!("{other:?}"),
    }
    store.adopt().await.unwrap();
    assert_eq!(store.status().await.unwrap().quarantine, None);
    claimed(&store, 1, 12).await;
    drop(store);
    assert_eq!(host.open().status().await.unwrap().quarantine, None);
}

#[tokio::test]
async fn a_quarantine_lasts_even_when_the_database_has_caught_up_with_its_anchor() {
    let host = restored().await;
    let store = host.open();
    for number in 2..=9 {
        let import = Command::Import(Box::new(import(number)));
        store.execute(import).await.unwrap();
    }
    drop(store);
    assert_eq!(host.open().status().await.unwrap().quarantine, Some(AnchorState::Ahead));
}

#[tokio::test]
async fn a_store_without_its_anchor_or_with_a_foreign_one_is_quarantined() {
    let host = Host::new();
    drop(host.open());
    fs::remove_file(&host.options.paths.anchor).unwrap();
    assert_eq!(host.open().status().await.unwrap().quarantine, Some(AnchorState::Missing));
    let (first, second) = (Host::new(), Host::new());
    drop((first.open(), second.open()));
    fs::copy(&first.options.paths.anchor, &second.options.paths.anchor).unwrap();
    assert_eq!(second.open().status().await.unwrap().quarantine, Some(AnchorState::OtherStore));
}

#[tokio::test]
async fn a_store_that_is_opened_by_another_name_is_the_same_store_to_all() {
    let mut host = Host::new();
    // From elsewhere: without the key file, the other name would not even be opened.
    host.options.keys = Some(KeyRing::new(MasterKey::generate(NOW), []));
    let here = host.open();
    stocked(&here, [1]).await;
    let link = host.path().join("link.db");
    symlink("store.db", &link).unwrap();
    let mut other = Host::new();
    other.options.keys.clone_from(&host.options.keys);
    other.options.paths = Paths::beside(&link);
    let there = other.open();
    let status = there.status().await.unwrap();
    assert_eq!((status.quarantine, status.holders), (None, 2));
    assert_eq!(other.options.paths.anchor, host.options.paths.anchor);
    claimed(&there, 1, 10).await;
    match here.execute(claim(&here, 1, 11)).await.unwrap() {
        Reply::Deferred(deferral) => assert!(matches!(deferral.wait, Wait::Leased { .. }), "{deferral:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_process_that_missed_an_adoption_does_nothing_more() {
    let host = Host::new();
    let (here, there) = (host.open(), host.open());
    stocked(&here, [1]).await;
    there.adopt().await.unwrap();
    let refused = unavailable(here.execute(claim(&here, 1, 10)).await);
    assert_eq!(refused.reason, Reason::Adopted);
    claimed(&there, 1, 11).await;
}

/// The refresh token that an attempt brings.
fn rescued(grant: u128, attempt: u128) -> String {
    let Command::Succeed(succeed) = succeed(grant, attempt) else { unreachable!("it says so") };
    succeed.issued.refresh_token.unwrap().expose().to_owned()
}

/// The disk failed while a request was under way, and the database was put back to before it was allowed.
#[tokio::test]
async fn what_was_rescued_after_the_backup_is_what_an_adopted_store_presents() {
    let host = Host::new();
    stocked(&host.open(), [1]).await;
    let backup = host.path().join("backup");
    fs::copy(&host.options.paths.database, &backup).unwrap();
    let store = host.open();
    let place = store.reserve().await.unwrap();
    claimed(&store, 1, 10).await;
    store.rescue(place, succeed(1, 10)).await.unwrap();
    drop(store);
    fs::rename(&backup, &host.options.paths.database).unwrap();

    let store = host.open();
    let replayed = store.replay().await.unwrap();
    assert_eq!((replayed.landed, replayed.left), (0, 1), "a quarantined store takes nothing in");
    store.adopt().await.unwrap();
    assert_eq!(refresh_token(&read(&store, 1).await), rescued(1, 10));
    assert_eq!(store.status().await.unwrap().lifeboat_records, 0);
}

#[tokio::test]
async fn what_was_rescued_lands_before_an_adoption_and_its_place_is_free() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    let place = store.reserve().await.unwrap();
    claimed(&store, 1, 10).await;
    store.rescue(place, succeed(1, 10)).await.unwrap();
    store.adopt().await.unwrap();
    assert_eq!(refresh_token(&read(&store, 1).await), rescued(1, 10));
    let replayed = store.replay().await.unwrap();
    assert_eq!((replayed.landed, replayed.left), (0, 0));
}

#[tokio::test]
async fn a_store_whose_database_is_gone_or_empty_is_not_begun_anew() {
    let host = Host::new();
    stocked(&host.open(), [1]).await;
    let (database, backup) = (&host.options.paths.database, host.path().join("backup"));
    fs::rename(database, &backup).unwrap();
    for emptied in [false, true] {
        if emptied {
            fs::write(database, "").unwrap();
        }
        let refused = host.try_open().unwrap_err();
        assert!(matches!(refused, OpenStoreError::Gone { .. }), "{refused}");
        assert!(refused.to_string().contains("restore it from a backup"), "{refused}");
    }
    for left in ["store.db", "store.db-wal", "store.db-shm"] {
        let _ = fs::remove_file(host.path().join(left));
    }
    fs::rename(&backup, database).unwrap();
    let store = host.open();
    assert_eq!(store.status().await.unwrap().quarantine, None);
    claimed(&store, 1, 10).await;
}

#[tokio::test]
async fn a_store_that_lost_its_log_before_it_was_copied_back_is_not_begun_anew() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    let without_log = host.path().join("without-log");
    fs::copy(&host.options.paths.database, &without_log).unwrap();
    drop(store);
    fs::rename(&without_log, &host.options.paths.database).unwrap();
    let refused = host.try_open().unwrap_err();
    assert!(matches!(refused, OpenStoreError::Gone { .. }), "{refused}");
}

#[tokio::test]
async fn a_new_store_in_the_place_of_a_removed_one_is_not_quarantined() {
    let host = Host::new();
    drop(host.open());
    fs::remove_file(&host.options.paths.database).unwrap();
    assert_eq!(host.open().status().await.unwrap().quarantine, None);
}
