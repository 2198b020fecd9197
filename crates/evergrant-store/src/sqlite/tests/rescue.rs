//! How what was rescued lands where not all of it can.

use evergrant_proto::{name::GrantId, transaction::Command};
use rusqlite::{Connection, params, types::Value};

use super::{
    queue::hold,
    world::{Host, claimed, read, refresh_token, stocked, succeed, unavailable},
};
use crate::{
    sqlite::{
        SqliteStore,
        transact::{self, Caches, Decided, Surroundings},
    },
    store::{Reason, Replayed, Store, StoreError},
};

/// Two grants were refreshed while the database took nothing, and their process has ended.
async fn with_two_rescued() -> Host {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1, 2]).await;
    for grant in [1, 2] {
        let place = store.reserve().await.unwrap();
        claimed(&store, grant, grant + 10).await;
        store.rescue(place, succeed(grant, grant + 10)).await.unwrap();
    }
    host
}

/// Changes a column of the first grant; returns what was there.
fn change(host: &Host, column: &str, change: impl FnOnce(Value) -> Value) -> Value {
    let (database, id) = (host.database(), 1_u128.to_be_bytes());
    let select = format!("SELECT {column} FROM grants WHERE id = ?1");
    let before: Value = database.query_row(&select, [id], |row| row.get(0)).unwrap();
    let update = format!("UPDATE grants SET {column} = ?1 WHERE id = ?2");
    database.execute(&update, params![change(before.clone()), id]).unwrap();
    before
}

/// Changes one byte of what is sealed.
fn flip(value: Value, byte: usize) -> Value {
    let Value::Blob(mut blob) = value else { panic!("it is sealed") };
    blob[byte] ^= 1;
    Value::Blob(blob)
}

fn landed_and_left(replayed: &Replayed) -> (u32, u32) {
    assert!(replayed.refused.is_empty() && replayed.damaged == 0, "{replayed:?}");
    (replayed.landed, replayed.left)
}

async fn has_landed(store: &SqliteStore, grant: u128) -> bool {
    refresh_token(&read(store, grant).await) == format!("rt-canary-{grant}-2")
}

#[tokio::test]
async fn what_was_rescued_for_a_grant_that_cannot_be_opened_waits_for_it_and_the_rest_lands() {
    type Damage = fn(Value) -> Value;
    let damages: [(&str, Damage, Reason); 3] = [
        ("record", |_| Value::Text("{".to_owned()), Reason::Damaged),
        ("credential", |sealed| flip(sealed, 60), Reason::Damaged),
        // The id of the key is in front, behind the version.
        ("credential", |sealed| flip(sealed, 1), Reason::Key),
    ];
    for (column, damage, reason) in damages {
        let host = with_two_rescued().await;
        let sound = change(&host, column, damage);
        let store = host.open();
        assert_eq!(unavailable(store.grant(GrantId(1)).await).reason, reason);
        assert_eq!(landed_and_left(&store.replay().await.unwrap()), (1, 1), "{reason:?}");
        assert!(has_landed(&store, 2).await);
        assert_eq!(store.status().await.unwrap().lifeboat_records, 1);
        change(&host, column, |_| sound);
        assert_eq!(landed_and_left(&store.replay().await.unwrap()), (1, 0), "{reason:?}");
        assert!(has_landed(&store, 1).await);
    }
}

#[tokio::test]
async fn a_store_with_a_grant_that_cannot_be_opened_can_be_adopted() {
    let host = with_two_rescued().await;
    change(&host, "credential", |sealed| flip(sealed, 60));
    let store = host.open();
    store.adopt().await.unwrap();
    assert!(has_landed(&store, 2).await);
    assert_eq!(store.status().await.unwrap().lifeboat_records, 1);
}

/// Whatever ends an attempt of the first grant meets a defect.
fn with_a_defect(
    connection: &Connection,
    surroundings: &Surroundings<'_>,
    caches: &mut Caches,
    command: &Command,
) -> Result<Decided, StoreError> {
    assert!(
        command.attempt().is_none() || command.subjects().grant != Some(GrantId(1)),
        "the test has a defect of its own"
    );
    transact::decide(connection, surroundings, caches, command)
}

#[tokio::test]
async fn a_command_that_panics_fails_alone() {
    let host = Host::new();
    let store = host.open_deciding(with_a_defect);
    stocked(&store, [1, 2]).await;
    claimed(&store, 1, 11).await;
    claimed(&store, 2, 12).await;
    let (go, held) = hold(&store);
    let (_, panicked, sound, ()) = tokio::join!(
        biased;
        held,
        store.execute(succeed(1, 11)),
        store.execute(succeed(2, 12)),
        async { go.send(()).unwrap() },
    );
    assert_eq!(unavailable(panicked).reason, Reason::Defect);
    sound.unwrap();
    assert!(has_landed(&store, 2).await);
    assert!(store.attempts(GrantId(1), 9).await.unwrap()[0].outcome.is_none());
    store.check_writable().await.unwrap();
}

#[tokio::test]
async fn what_was_rescued_and_meets_a_defect_waits_and_the_rest_lands() {
    let host = with_two_rescued().await;
    let store = host.open_deciding(with_a_defect);
    assert_eq!(landed_and_left(&store.replay().await.unwrap()), (1, 1));
    drop(store);
    let mended = host.open();
    assert_eq!(landed_and_left(&mended.replay().await.unwrap()), (1, 0));
    assert!(has_landed(&mended, 1).await && has_landed(&mended, 2).await);
}

#[tokio::test]
async fn a_store_that_is_away_is_told_and_leaves_everything_in_the_lifeboat() {
    let host = with_two_rescued().await;
    let store = host.open();
    let intruder = host.database();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(unavailable(store.replay().await).reason, Reason::Locked);
    assert_eq!(store.status().await.unwrap().lifeboat_records, 2);
}
