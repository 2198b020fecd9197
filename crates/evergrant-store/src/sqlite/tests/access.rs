use std::time::Duration;

use evergrant_proto::{
    name::{GrantId, Namespace},
    time::Timestamp,
    transaction::{Command, Revoke},
};

use super::world::{Host, NOW, put_client, stocked};
use crate::{
    access::{Access, ApiKeyDigest, ApiKeyId, ApiKeyRecord, KeyName, KeyScope, Removal},
    sqlite::SqliteStore,
    store::{EventFilter, Store},
};

fn key(number: u8, namespace: Option<&str>) -> ApiKeyRecord {
    ApiKeyRecord {
        id: ApiKeyId(number.into()),
        digest: ApiKeyDigest([number; 32]),
        name: KeyName::new("billing").unwrap(),
        namespace: namespace.map(|name| Namespace::new(name).unwrap()),
        scope: KeyScope::Manage,
        created_at: NOW,
        expires_at: Some(NOW.plus(Duration::from_secs(60))),
        revoked_at: None,
        last_used_at: None,
    }
}

async fn read(store: &SqliteStore) -> Access {
    store.access(None).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_key_is_kept_with_all_that_is_said_of_it() {
    let host = Host::new();
    let store = host.open();
    assert!(store.add_api_key(key(1, Some("default"))).await.unwrap());
    assert!(store.add_api_key(key(2, None)).await.unwrap());
    drop(store);
    assert_eq!(read(&host.open()).await.keys, [key(1, Some("default")), key(2, None)]);
}

#[tokio::test]
async fn a_key_of_no_namespace_that_exists_is_not_added() {
    let host = Host::new();
    let store = host.open();
    assert!(!store.add_api_key(key(1, Some("team"))).await.unwrap());
    assert!(store.add_namespace(Namespace::new("team").unwrap(), NOW).await.unwrap());
    assert!(!store.add_namespace(Namespace::new("team").unwrap(), NOW).await.unwrap());
    assert!(store.add_api_key(key(1, Some("team"))).await.unwrap());
}

#[tokio::test]
async fn of_processes_that_make_the_first_key_together_one_does_and_never_again() {
    let host = Host::of_patience();
    let (one, other) = (host.open(), host.open());
    let (first, second) =
        tokio::join!(one.add_first_api_key(key(1, None)), other.add_first_api_key(key(2, None)));
    assert!(first.unwrap() != second.unwrap());
    let made = read(&one).await.keys[0].id;
    one.revoke_api_key(made, None, NOW).await.unwrap().unwrap();
    assert!(!one.add_first_api_key(key(3, None)).await.unwrap(), "a revoked key is a key that was shown");
}

#[tokio::test]
async fn another_process_sees_by_one_look_whether_keys_have_changed() {
    let host = Host::new();
    let (here, there) = (host.open(), host.open());
    let known = read(&there).await.version;
    assert_eq!(there.access(Some(known)).await.unwrap(), None);
    here.add_api_key(key(1, None)).await.unwrap();
    let seen = there.access(Some(known)).await.unwrap().unwrap();
    assert_eq!(seen.keys.len(), 1);
    here.note_api_keys_used(vec![ApiKeyId(1)], NOW).await.unwrap();
    assert_eq!(there.access(Some(seen.version)).await.unwrap(), None, "use is no change");
    here.revoke_api_key(ApiKeyId(1), None, NOW).await.unwrap();
    let seen = there.access(Some(seen.version)).await.unwrap().unwrap();
    assert_eq!(seen.keys[0].revoked_at, Some(NOW));
    assert_eq!(seen.keys[0].last_used_at, Some(NOW));
}

#[tokio::test]
async fn a_key_is_taken_away_once_and_by_those_who_see_it() {
    let host = Host::new();
    let store = host.open();
    store.add_api_key(key(1, Some("default"))).await.unwrap();
    store.add_api_key(key(2, None)).await.unwrap();
    let within = |name: &str| Some(Namespace::new(name).unwrap());
    for (id, within) in [(1, within("team")), (2, within("default")), (3, None)] {
        assert_eq!(store.revoke_api_key(ApiKeyId(id), within, NOW).await.unwrap(), None);
    }
    let revoked = store.revoke_api_key(ApiKeyId(1), within("default"), NOW).await.unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(NOW));
    let again = store.revoke_api_key(ApiKeyId(1), None, Timestamp(NOW.0 + 1)).await.unwrap().unwrap();
    assert_eq!(again.revoked_at, Some(NOW), "it was taken away before");
}

#[tokio::test]
async fn the_last_use_of_a_key_never_goes_back() {
    let host = Host::new();
    let store = host.open();
    store.add_api_key(key(1, None)).await.unwrap();
    for at in [NOW, Timestamp(NOW.0 - 1)] {
        store.note_api_keys_used(vec![ApiKeyId(1), ApiKeyId(9)], at).await.unwrap();
    }
    assert_eq!(read(&store).await.keys[0].last_used_at, Some(NOW));
}

/// Removes the default namespace, however long that takes.
async fn remove(store: &SqliteStore) -> Removal {
    loop {
        if let Some(removal) = store.remove_namespace(Namespace::default(), NOW).await.unwrap() {
            return removal;
        }
    }
}

/// Removes the client of the default namespace.
async fn empty(store: &SqliteStore) {
    let Command::PutClient(mut put) = put_client() else { unreachable!() };
    (put.record.removed_at, put.replaces) = (Some(NOW), Some(1));
    store.execute(Command::PutClient(put)).await.unwrap();
}

#[tokio::test]
async fn whoever_adds_a_namespace_again_sees_nothing_of_the_one_before() {
    let host = Host::new();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    empty(&store).await;
    let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
        INSERT INTO events (namespace, record)
        SELECT 'default', first.record FROM n, (SELECT record FROM events LIMIT 1) AS first";
    host.database().execute_batch(insert).unwrap();
    let newest = || -> i64 {
        host.database().query_row("SELECT max(number) FROM events", [], |row| row.get(0)).unwrap()
    };
    let before = newest();
    let begun = store.remove_namespace(Namespace::default(), NOW).await.unwrap();
    assert_eq!(begun, None, "a long history is forgotten in portions");
    assert_eq!(remove(&store).await, Removal::Removed);
    assert_eq!(newest(), before, "no number is given out again");
    store.add_namespace(Namespace::default(), NOW).await.unwrap();
    let filter = EventFilter { namespace: Some(Namespace::default()), grant: None, after: 0, limit: 10 };
    assert_eq!(store.events(filter).await.unwrap(), []);
}

#[tokio::test]
async fn a_namespace_goes_when_nothing_is_left_in_it_and_takes_its_keys_along() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    store.add_api_key(key(1, Some("default"))).await.unwrap();
    store.add_api_key(key(2, None)).await.unwrap();
    let in_use = Removal::InUse { clients: 1, grants: 1 };
    assert_eq!(remove(&store).await, in_use);
    assert_eq!(read(&store).await.keys[0].revoked_at, None, "nothing was changed");

    let revoke = Revoke { grant: GrantId(1), holder: store.holder(), force: true, remove: true, wall: NOW };
    store.execute(Command::Revoke(revoke)).await.unwrap();
    let in_use = Removal::InUse { clients: 1, grants: 0 };
    assert_eq!(remove(&store).await, in_use);
    empty(&store).await;
    assert_eq!(remove(&store).await, Removal::Removed);
    assert_eq!(remove(&store).await, Removal::NoSuchNamespace);
    let access = read(&store).await;
    assert_eq!(access.namespaces, []);
    assert_eq!(access.keys.iter().map(|key| key.revoked_at).collect::<Vec<_>>(), [Some(NOW), None]);
}

#[tokio::test]
async fn a_client_that_is_put_into_a_namespace_adds_it() {
    let host = Host::new();
    let store = host.open();
    let Command::PutClient(mut put) = put_client() else { unreachable!() };
    put.record.namespace = Namespace::new("team").unwrap();
    store.execute(Command::PutClient(put)).await.unwrap();
    let names: Vec<_> = read(&store).await.namespaces.into_iter().map(|space| space.name).collect();
    assert_eq!(names, [Namespace::default(), Namespace::new("team").unwrap()]);
}

#[tokio::test]
async fn a_process_that_was_left_behind_by_an_adoption_changes_no_key() {
    let host = Host::new();
    let (old, new) = (host.open(), host.open());
    new.adopt().await.unwrap();
    assert!(old.add_api_key(key(1, None)).await.unwrap_err().to_string().contains("adopted"));
    assert_eq!(read(&new).await.keys, []);
}
