//! How what was rescued lands where not all of it can.

use evergrant_proto::name::GrantId;
use rusqlite::{params, types::Value};

use super::world::{Host, claimed, read, refresh_token, stocked, succeed, unavailable};
use crate::{
    sqlite::SqliteStore,
    store::{Reason, Replayed, Store},
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

#[tokio::test]
async fn a_store_that_is_away_is_told_and_leaves_everything_in_the_lifeboat() {
    let host = with_two_rescued().await;
    let store = host.open();
    let intruder = host.database();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(unavailable(store.replay().await).reason, Reason::Locked);
    assert_eq!(store.status().await.unwrap().lifeboat_records, 2);
}
