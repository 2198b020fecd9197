use std::collections::BTreeMap;

use evergrant_proto::{
    name::GrantId,
    transaction::{Command, Revoke},
};

use super::world::{Host, NOW, claimed, stocked, succeed};
use crate::{
    sqlite::SqliteStore,
    store::{Store, StoreError},
};

async fn counts(store: &SqliteStore) -> BTreeMap<String, u64> {
    let mut counts = store.grants_by_state().await.unwrap();
    counts.retain(|_, count| *count > 0);
    counts
}

fn expected<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(state, count)| (state.to_owned(), count)).collect()
}

async fn end(store: &SqliteStore, grant: u128, remove: bool) -> Result<(), StoreError> {
    let (grant, holder) = (GrantId(grant), store.holder());
    let revoke = Revoke { grant, holder, force: true, remove, wall: NOW };
    store.execute(Command::Revoke(revoke)).await.map(drop)
}

#[tokio::test]
async fn grants_are_counted_by_their_state_without_removed_ones() {
    let host = Host::new();
    let store = host.open();
    assert_eq!(counts(&store).await, expected([]));
    stocked(&store, 1..=5).await;
    assert_eq!(counts(&store).await, expected([("active", 5)]));
    claimed(&store, 1, 7).await;
    store.execute(succeed(1, 7)).await.unwrap();
    assert_eq!(counts(&store).await, expected([("active", 5)]));
    end(&store, 2, false).await.unwrap();
    assert_eq!(counts(&store).await, expected([("active", 4), ("revoked", 1)]));
    end(&store, 3, true).await.unwrap();
    end(&store, 2, true).await.unwrap();
    assert_eq!(counts(&store).await, expected([("active", 3)]));
    drop(store);
    assert_eq!(counts(&host.open()).await, expected([("active", 3)]));
}

#[tokio::test]
async fn what_is_counted_is_what_is_there() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, 1..=8).await;
    let database = host.database();
    for sql in [
        "UPDATE grants SET state = 'degraded' WHERE id IN (SELECT id FROM grants LIMIT 3)",
        "UPDATE grants SET removed = 1 WHERE id IN (SELECT id FROM grants WHERE state = 'degraded' LIMIT 1)",
        "UPDATE grants SET state = state, removed = removed",
        "DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE state = 'active' LIMIT 2)",
        "UPDATE grants SET removed = 0",
        "DELETE FROM grants WHERE state = 'degraded'",
    ] {
        database.execute_batch(sql).unwrap();
        let mut statement =
            database.prepare("SELECT state, count(*) FROM grants WHERE removed = 0 GROUP BY state").unwrap();
        let counted = statement
            .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))
            .unwrap()
            .collect::<rusqlite::Result<BTreeMap<String, u64>>>()
            .unwrap();
        assert_eq!(counts(&store).await, counted, "{sql}");
    }
}
