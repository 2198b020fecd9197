use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use evergrant_proto::{
    name::Namespace,
    time::Timestamp,
    transaction::{Command, Reply},
};
use rusqlite::Connection;
use zeroize::Zeroizing;

use super::world::{Host, NOW, commit_in_silence, import, put_client, read, unavailable};
use crate::{
    key::{KeyRing, MasterKey},
    once::{Executed, Once, OnceKey},
    sqlite::{SqliteStore, worker},
    store::{GrantFilter, Reason, Store, StoreError},
};

const DAY: Duration = Duration::from_secs(86_400);

fn once(name: &str, request: u8, now: Timestamp) -> Once {
    let answer = |reply: &Reply| match reply {
        Reply::Grant(grant) => Zeroizing::new(format!("link-canary for {}", grant.id).into_bytes()),
        other => panic!("{other:?}"),
    };
    let key = OnceKey { namespace: Namespace::default(), name: name.to_owned(), request: [request; 32] };
    Once { key, now, lifetime: DAY, answer: Arc::new(answer) }
}

fn importing(number: u128) -> Command {
    Command::Import(Box::new(import(number)))
}

async fn grants(store: &SqliteStore) -> usize {
    store.grants(GrantFilter::all(Namespace::default(), 100)).await.unwrap().len()
}

fn answer(executed: &Executed) -> String {
    match executed {
        Executed::Now(answer) | Executed::Before(answer) => String::from_utf8(answer.to_vec()).unwrap(),
        Executed::OtherRequest => panic!("another request had the name"),
    }
}

async fn open() -> (Host, SqliteStore) {
    let host = Host::new();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    (host, store)
}

#[tokio::test]
async fn a_request_that_is_repeated_gets_its_answer_and_does_nothing() {
    let (host, store) = open().await;
    let first = store.execute_once(importing(1), once("a", 1, NOW)).await.unwrap();
    assert!(matches!(first, Executed::Now(_)), "{first:?}");
    // Another id, as a server would draw: it must not come to be.
    let again = store.execute_once(importing(2), once("a", 1, NOW)).await.unwrap();
    assert!(matches!(again, Executed::Before(_)), "{again:?}");
    assert_eq!(answer(&first), answer(&again));
    drop(store);
    let elsewhere = host.open();
    let known = elsewhere.executed(once("a", 1, NOW).key, NOW).await.unwrap().unwrap();
    assert_eq!(answer(&known), answer(&first), "also after a restart");
    assert_eq!(grants(&elsewhere).await, 1);
    assert_eq!(elsewhere.executed(once("b", 1, NOW).key, NOW).await.unwrap(), None);
}

#[tokio::test]
async fn another_request_of_the_same_name_is_told_so_and_does_nothing() {
    let (_host, store) = open().await;
    store.execute_once(importing(1), once("a", 1, NOW)).await.unwrap();
    let other = store.execute_once(importing(2), once("a", 2, NOW)).await.unwrap();
    assert_eq!(other, Executed::OtherRequest);
    assert_eq!(grants(&store).await, 1);
}

#[tokio::test]
async fn names_of_other_namespaces_have_nothing_to_do_with_each_other() {
    let (_host, store) = open().await;
    store.execute_once(importing(1), once("a", 1, NOW)).await.unwrap();
    let mut elsewhere = once("a", 2, NOW);
    elsewhere.key.namespace = Namespace::new("team").unwrap();
    let executed = store.execute_once(importing(2), elsewhere).await.unwrap();
    assert!(matches!(executed, Executed::Now(_)), "{executed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repetitions_at_once_in_two_processes_have_one_effect_and_one_answer() {
    let host = Host::of_patience();
    let open = || {
        let clock = Arc::new(crate::clock::BootClock::of_this_boot().unwrap());
        Arc::new(SqliteStore::open(&host.options, clock, NOW).unwrap())
    };
    let stores = [open(), open()];
    stores[0].execute(put_client()).await.unwrap();
    let asked: Vec<_> = (1..=16)
        .map(|number| {
            let store = Arc::clone(&stores[usize::from(number % 2 == 0)]);
            tokio::spawn(async move { store.execute_once(importing(number), once("a", 1, NOW)).await })
        })
        .collect();
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(asked.await.unwrap().unwrap());
    }
    let done = answers.iter().filter(|executed| matches!(executed, Executed::Now(_))).count();
    assert_eq!(done, 1);
    assert!(answers.iter().all(|executed| answer(executed) == answer(&answers[0])));
    assert_eq!(grants(&stores[0]).await, 1);
}

#[tokio::test]
async fn a_request_that_was_refused_is_decided_anew() {
    let host = Host::new();
    let store = host.open();
    let refused = store.execute_once(importing(1), once("a", 1, NOW)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    store.execute(put_client()).await.unwrap();
    let executed = store.execute_once(importing(1), once("a", 1, NOW)).await.unwrap();
    assert!(matches!(executed, Executed::Now(_)), "{executed:?}");
}

#[tokio::test]
async fn an_answer_ends_after_its_time_and_leaves_no_trace() {
    let (host, store) = open().await;
    store.execute_once(importing(1), once("a", 1, NOW)).await.unwrap();
    let kept = || host.database().query_row("SELECT count(*) FROM idempotency", [], |row| row.get(0));
    let later = NOW.plus(DAY);
    assert_eq!(store.executed(once("a", 1, later).key, later).await.unwrap(), None);
    let executed = store.execute_once(importing(2), once("a", 2, later)).await.unwrap();
    assert!(matches!(executed, Executed::Now(_)), "{executed:?}");
    assert_eq!(kept(), Ok(1), "the new one took the place of the old one");
    store.forget_answers(later).await.unwrap();
    assert_eq!(kept(), Ok(1));
    store.forget_answers(later.plus(DAY)).await.unwrap();
    assert_eq!(kept(), Ok(0));
}

#[tokio::test]
async fn nothing_of_name_request_and_answer_stands_in_the_clear() {
    let (host, store) = open().await;
    let mut named = once("name-canary", 1, NOW);
    named.key.request = *b"request-canary-request-canary-12";
    store.execute_once(importing(1), named).await.unwrap();
    drop(store);
    for entry in std::fs::read_dir(host.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(bytes) = std::fs::read(&entry) else { continue };
        for canary in ["name-canary", "request-canary", "link-canary"] {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{canary} in {}", entry.display());
        }
    }
}

#[tokio::test]
async fn a_repetition_is_recognised_after_the_key_that_seals_has_changed() {
    let (old, new) = (MasterKey::generate(NOW), MasterKey::generate(NOW));
    let mut host = Host::new();
    host.options.keys = Some(KeyRing::new(old.clone(), []));
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    store.execute_once(importing(1), once("a", 1, NOW)).await.unwrap();
    drop(store);
    host.options.keys = Some(KeyRing::new(new, [old]));
    let again = host.open().execute_once(importing(2), once("a", 1, NOW)).await.unwrap();
    assert!(matches!(again, Executed::Before(_)), "{again:?}");
}

static COMMITS: AtomicU32 = AtomicU32::new(0);

/// The second commit lands, and says that it has failed.
fn landing_in_silence(connection: &Connection) -> rusqlite::Result<()> {
    commit_in_silence(&COMMITS, connection)
}

#[tokio::test]
async fn a_commit_of_unknown_fate_is_found_and_not_repeated() {
    let host = Host::new();
    let store = host.open_with(landing_in_silence);
    store.execute(put_client()).await.unwrap();
    let executed = store.execute_once(importing(1), once("a", 1, NOW)).await.unwrap();
    assert!(matches!(executed, Executed::Before(_)), "{executed:?}");
    assert_eq!(answer(&executed), format!("link-canary for {}", read(&store, 1).await.id));
    assert_eq!(grants(&store).await, 1);
}

/// The second commit fails, and so does every one after it.
fn failing(connection: &Connection) -> rusqlite::Result<()> {
    static DONE: AtomicU32 = AtomicU32::new(0);
    match DONE.fetch_add(1, Ordering::Relaxed) {
        0 => worker::commit(connection),
        _ => Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None)),
    }
}

#[tokio::test]
async fn where_the_commit_fails_neither_the_effect_nor_the_answer_is_there() {
    let host = Host::new();
    let store = host.open_with(failing);
    store.execute(put_client()).await.unwrap();
    assert!(store.execute_once(importing(1), once("a", 1, NOW)).await.is_err());
    drop(store);
    let store = host.open();
    assert_eq!(grants(&store).await, 0);
    let executed = store.execute_once(importing(1), once("a", 1, NOW)).await.unwrap();
    assert!(matches!(executed, Executed::Now(_)), "{executed:?}");
}

/// The third commit fails.
fn failing_at_the_third(connection: &Connection) -> rusqlite::Result<()> {
    static DONE: AtomicU32 = AtomicU32::new(0);
    match DONE.fetch_add(1, Ordering::Relaxed) {
        2 => Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)),
        _ => worker::commit(connection),
    }
}

#[tokio::test]
async fn an_answer_that_could_not_be_looked_up_leaves_the_store_writable() {
    let host = Host::new();
    let store = host.open_with(failing_at_the_third);
    store.execute(put_client()).await.unwrap();
    let first = store.execute_once(importing(1), once("a", 1, NOW)).await.unwrap();
    let refused = unavailable(store.execute_once(importing(1), once("a", 1, NOW)).await);
    assert_eq!(refused.reason, Reason::Locked);
    store.execute(importing(2)).await.unwrap();
    let again = store.execute_once(importing(1), once("a", 1, NOW)).await.unwrap();
    assert_eq!(answer(&again), answer(&first));
}
