use std::fs;

use evergrant_proto::{
    name::{AttemptId, Generation, GrantId},
    transaction::Command,
};
use rusqlite::{Connection, Error, ffi};

use super::world::{
    Host, claim, claimed, import, put_client, read, refresh_token, stocked, succeed, unavailable,
};
use crate::{
    store::{Reason, Store, StoreError},
    testing::SmallDisk,
};

fn disk_error() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), None)
}

/// The transaction lands, and its success is lost on the way.
fn lose_the_answer(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("COMMIT")?;
    let attempts: i64 = connection.query_row("SELECT count(*) FROM attempts", [], |row| row.get(0))?;
    if attempts > 0 { Err(disk_error()) } else { Ok(()) }
}

#[tokio::test]
async fn a_journal_write_of_unknown_fate_is_reported_so_that_nothing_is_sent() {
    let host = Host::new();
    let store = host.open_with(lose_the_answer);
    stocked(&store, [1]).await;
    let outcome = store.execute(claim(&store, 1, 10)).await;
    assert!(matches!(outcome, Err(StoreError::Ambiguous(_))), "{outcome:?}");
    assert_eq!(store.attempts(GrantId(1), 9).await.unwrap()[0].id, AttemptId(10));
}

/// As above, but only for the commit after the one that ended an attempt.
fn lose_the_answer_of_a_success(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("COMMIT")?;
    let lost = "SELECT count(*) FROM attempts WHERE open = 0 AND NOT EXISTS (SELECT 1 FROM pragma_table_info('told'))";
    let first: i64 = connection.query_row(lost, [], |row| row.get(0))?;
    if first == 0 {
        return Ok(());
    }
    connection.execute_batch("CREATE TABLE told (once)")?;
    Err(disk_error())
}

#[tokio::test]
async fn a_success_of_unknown_fate_is_executed_again_and_finds_itself() {
    let host = Host::new();
    let store = host.open_with(lose_the_answer_of_a_success);
    stocked(&store, [1]).await;
    claimed(&store, 1, 10).await;
    store.execute(succeed(1, 10)).await.unwrap();
    let grant = read(&store, 1).await;
    assert_eq!((refresh_token(&grant), grant.generation), ("rt-canary-1-2", Generation(2)));
}

fn never(connection: &Connection) -> rusqlite::Result<()> {
    let attempts: i64 = connection.query_row("SELECT count(*) FROM attempts", [], |row| row.get(0))?;
    if attempts == 0 {
        return connection.execute_batch("COMMIT");
    }
    Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None))
}

#[tokio::test]
async fn a_commit_that_provably_failed_has_no_effect() {
    let host = Host::new();
    let store = host.open_with(never);
    stocked(&store, [1]).await;
    let refused = unavailable(store.execute(claim(&store, 1, 10)).await);
    assert_eq!(refused.reason, Reason::Full);
    assert!(store.attempts(GrantId(1), 9).await.unwrap().is_empty());
    assert!(read(&store, 1).await.lease.is_none());
}

#[tokio::test]
async fn a_store_locked_by_another_program_is_away_and_comes_back() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    let intruder = host.database();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = unavailable(store.execute(claim(&store, 1, 10)).await);
    assert_eq!(refused.reason, Reason::Locked);
    read(&store, 1).await;
    intruder.execute_batch("ROLLBACK").unwrap();
    claimed(&store, 1, 10).await;
}

#[tokio::test]
async fn a_database_that_was_removed_or_replaced_while_it_is_open_takes_nothing_more() {
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        let host = Host::new();
        let store = host.open();
        stocked(&store, [1]).await;
        let (file, elsewhere) = (host.path().join(name), host.path().join("elsewhere"));
        fs::rename(&file, &elsewhere).unwrap();
        for replaced in [false, true] {
            if replaced {
                fs::copy(&elsewhere, &file).unwrap();
            }
            let refused = unavailable(store.execute(claim(&store, 1, 10)).await);
            assert_eq!(refused.reason, Reason::Moved, "{name}: {refused}");
        }
        let place = store.reserve().await.unwrap();
        fs::rename(&elsewhere, &file).unwrap();
        claimed(&store, 1, 10).await;
        store.release(place).await.unwrap();
    }
}

#[tokio::test]
async fn a_rotation_that_meets_a_full_disk_survives_in_the_lifeboat_and_lands() {
    let disk = SmallDisk::mount(2);
    let host = Host::with_database(&disk.path().join("store.db"));
    let store = host.open();
    stocked(&store, [1]).await;
    let place = store.reserve().await.unwrap();
    claimed(&store, 1, 10).await;
    disk.fill();
    let refused = fill_until_refused(&store).await;
    assert_eq!(refused.reason, Reason::Full, "{refused}");
    assert!(refused.to_string().contains("free space"), "{refused}");
    store.rescue(place, succeed(1, 10)).await.unwrap();
    drop(store);
    disk.empty();
    let store = host.open();
    assert_eq!(store.replay().await.unwrap().landed, 1);
    assert_eq!(refresh_token(&read(&store, 1).await), "rt-canary-1-2");
}

/// The log may have room left in pages that it has written before.
async fn fill_until_refused(store: &crate::SqliteStore) -> crate::store::Unavailable {
    for number in 100.. {
        match store.execute(Command::Import(Box::new(import(number)))).await {
            Ok(_) => {}
            refused => return unavailable(refused),
        }
    }
    unreachable!("a disk of two megabytes is full at some time")
}

#[tokio::test]
async fn many_commands_at_once_are_all_answered() {
    let host = Host::new();
    let store = std::sync::Arc::new(host.open());
    store.execute(put_client()).await.unwrap();
    let tasks: Vec<_> = (1..=300)
        .map(|number| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move { store.execute(Command::Import(Box::new(import(number)))).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(store.due(super::world::NOW, 1000).await.unwrap().len(), 300);
}

#[tokio::test]
async fn a_command_that_cannot_be_written_fails_alone() {
    let host = Host::new();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    let trap = "CREATE TRIGGER trap BEFORE INSERT ON grants WHEN NEW.id = x'00000000000000000000000000000002'
                BEGIN SELECT RAISE(ABORT, 'trapped'); END";
    host.database().execute_batch(trap).unwrap();
    let (first, second, third) = tokio::join!(
        store.execute(Command::Import(Box::new(import(1)))),
        store.execute(Command::Import(Box::new(import(2)))),
        store.execute(Command::Import(Box::new(import(3)))),
    );
    assert!(first.is_ok() && third.is_ok(), "{first:?} {third:?}");
    assert_eq!(unavailable(second).reason, Reason::Disk);
    assert_eq!(store.due(super::world::NOW, 9).await.unwrap(), [GrantId(1), GrantId(3)]);
}
