use std::time::Duration;

use evergrant_proto::{
    name::{GrantId, Namespace},
    secret::RefreshToken,
    time::Timestamp,
    transaction::{Command, Import},
};

use super::world::{Host, NOW, import, put_client, read, stocked};
use crate::{
    sqlite::{Retention, SqliteStore},
    store::{EventFilter, NumberedEvent, Store},
};

const DAY: Duration = Duration::from_secs(86_400);

fn day(number: u32) -> Timestamp {
    NOW.plus(DAY * number)
}

/// A host whose stores keep events for 30 days, and the last five of each grant.
fn host() -> Host {
    let mut host = Host::new();
    host.options.events = Retention { keep_for: 30 * DAY, keep_last: 5 };
    host
}

/// One event of this grant on this day.
async fn note(store: &SqliteStore, grant: u128, number: u32) {
    let refresh_token = RefreshToken::new(format!("rt-canary-{grant:03}-{number:03}")).unwrap();
    let import = Import { refresh_token, wall: day(number), ..import(grant) };
    store.execute(Command::Import(Box::new(import))).await.unwrap();
}

/// Prunes until nothing more is to be forgotten.
async fn prune(store: &SqliteStore, number: u32) {
    while store.prune(day(number)).await.unwrap() {}
}

async fn events(store: &SqliteStore, grant: Option<u128>) -> Vec<NumberedEvent> {
    let filter = EventFilter {
        namespace: Some(Namespace::default()),
        grant: grant.map(GrantId),
        after: 0,
        limit: 9999,
    };
    store.events(filter).await.unwrap()
}

async fn days(store: &SqliteStore, grant: u128) -> Vec<u32> {
    let events = events(store, Some(grant)).await;
    let day = |event: &NumberedEvent| event.event.at.since(NOW).as_secs() / DAY.as_secs();
    events.iter().map(|event| u32::try_from(day(event)).unwrap()).collect()
}

#[tokio::test]
async fn old_events_are_forgotten_but_for_the_last_of_each_grant() {
    let host = host();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    for number in 0..50 {
        note(&store, 1, number).await;
        if number < 8 {
            note(&store, 2, number).await;
        }
    }
    prune(&store, 50).await;
    assert_eq!(days(&store, 1).await, (20..50).collect::<Vec<_>>(), "those of the last thirty days");
    assert_eq!(days(&store, 2).await, [3, 4, 5, 6, 7], "it has been quiet since");
    assert!(!store.prune(day(50)).await.unwrap());
    assert_eq!(read(&store, 1).await.generation.0, 50, "nothing but events");
}

#[tokio::test]
async fn the_numbers_of_forgotten_events_are_not_given_out_again() {
    let mut host = host();
    host.options.events.keep_last = 0;
    let store = host.open();
    stocked(&store, [1, 2]).await;
    let newest = events(&store, None).await.last().unwrap().number;
    prune(&store, 400).await;
    assert_eq!(events(&store, None).await.len(), 1, "the newest stays");
    drop(store);
    let store = host.open();
    note(&store, 1, 401).await;
    assert_eq!(events(&store, None).await.last().unwrap().number, newest + 1);
}

#[tokio::test]
async fn what_was_spared_as_one_of_the_last_is_forgotten_once_there_are_newer_ones() {
    let host = host();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    for number in 0..5 {
        note(&store, 1, number).await;
    }
    prune(&store, 60).await;
    assert_eq!(days(&store, 1).await, [0, 1, 2, 3, 4]);
    for number in 61..64 {
        note(&store, 1, number).await;
    }
    prune(&store, 68).await;
    assert_eq!(days(&store, 1).await, [3, 4, 61, 62, 63]);
}

/// A clock that is ahead for a while neither protects what it writes from being forgotten nor all that comes after it.
#[tokio::test]
async fn events_from_the_future_stop_no_sweep() {
    let host = host();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    let wrong = 40_000;
    for number in (0..10).chain([wrong; 10]).chain(10..50) {
        note(&store, 1, number).await;
    }
    prune(&store, 50).await;
    assert_eq!(days(&store, 1).await, (20..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_quarantined_store_forgets_nothing() {
    let host = host();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    for number in 0..10 {
        note(&store, 1, number).await;
    }
    drop(store);
    std::fs::remove_file(&host.options.paths.anchor).unwrap();
    let store = host.open();
    assert!(store.status().await.unwrap().quarantine.is_some());
    prune(&store, 400).await;
    assert_eq!(days(&store, 1).await.len(), 10);
}

/// What is forgotten makes room for what comes: after the first of them, the file does not grow.
#[tokio::test]
async fn the_file_stops_growing_when_the_first_events_are_forgotten() {
    let host = host();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    let mut sizes = Vec::new();
    for number in 0..360 {
        for grant in 1..=4 {
            note(&store, grant, number).await;
        }
        prune(&store, number).await;
        if number % 60 == 59 {
            sizes.push(pages(&host));
        }
    }
    assert_eq!(events(&store, None).await.len(), 4 * 31);
    assert!(sizes.iter().all(|size| *size <= sizes[0] + 2), "{sizes:?}");
}

fn pages(host: &Host) -> i64 {
    host.database().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap()
}
