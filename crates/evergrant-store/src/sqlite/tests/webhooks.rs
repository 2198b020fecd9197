//! Webhooks: who delivers, in which order, and what a crash leaves.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use evergrant_proto::{
    name::{GrantId, Namespace},
    time::Timestamp,
};
use serde_json::json;

use super::world::{Host, NOW, stocked};
use crate::{
    sqlite::SqliteStore,
    store::{EventFilter, Store},
    webhook::{
        DeliveryState, DisabledReason, FAILING_FOR, Health, Incident, Lead, Message, MessageId, MessageKind,
        News, Outcome, Parcel, Replay, Settled, Subject, Wanted, Webhook, WebhookChange, WebhookId,
        WebhookSecret, WebhookStore, WebhookUrl,
    },
};

const MOST: usize = 10;

fn webhook(id: u128) -> Webhook {
    Webhook {
        id: WebhookId(id),
        namespace: Namespace::default(),
        url: WebhookUrl("https://receiver.example/hook?token=url-canary".to_owned()),
        kinds: BTreeSet::new(),
        description: None,
        created_at: NOW,
        updated_at: NOW,
        disabled: None,
        health: Health::default(),
    }
}

fn secret(byte: u8) -> WebhookSecret {
    WebhookSecret::new(&[byte; 32])
}

fn message(id: u128, grant: u128) -> Message {
    Message {
        id: MessageId(id),
        kind: MessageKind::GrantDegraded,
        namespace: Namespace::default(),
        subject: Subject::Grant(GrantId(grant)),
        at: NOW,
        data: json!({ "grant": grant.to_string() }),
    }
}

async fn add(store: &SqliteStore, id: u128) {
    assert!(store.add_webhook(webhook(id), secret(7), MOST).await.unwrap());
}

async fn note(store: &SqliteStore, lead: Lead, messages: Vec<Message>) {
    let cursor = store.outbox().await.unwrap().cursor;
    let news =
        News { from: cursor, to: cursor, messages, incidents: BTreeMap::new(), forget_before: Timestamp(0) };
    assert!(store.note(lead, news).await.unwrap());
}

async fn due_at(store: &SqliteStore, now: Timestamp) -> Vec<Parcel> {
    let wanted = Wanted { now, under_way: BTreeSet::new(), each: 8, limit: 100, after: None };
    store.parcels(wanted).await.unwrap()
}

fn ids(parcels: &[Parcel]) -> Vec<u128> {
    parcels.iter().map(|parcel| parcel.message.id.0).collect()
}

async fn settle(store: &SqliteStore, lead: Lead, parcel: &Parcel, at: Timestamp, outcome: Outcome) -> bool {
    let (webhook, number, replays) = (parcel.webhook.id, parcel.number, parcel.replays);
    let settled = Settled { webhook, number, replays, at, outcome };
    store.settle(lead, vec![settled]).await.unwrap()
}

fn failed(retry_at: Option<Timestamp>, rests_until: Timestamp) -> Outcome {
    Outcome::Failed { failure: "It answered 500.".to_owned(), retry_at, rests_until }
}

#[tokio::test]
async fn the_secret_and_what_the_address_hides_are_in_no_file_and_no_debug_text() {
    let host = Host::new();
    let store = host.open();
    add(&store, 1).await;
    let shown = secret(7).expose();
    let found = store.webhook_secrets(Namespace::default(), WebhookId(1), NOW).await.unwrap().unwrap();
    assert_eq!(found.1, [secret(7)]);
    assert!(!format!("{found:?}").contains("url-canary"), "{found:?}");
    drop(store);
    for entry in std::fs::read_dir(host.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        let contains = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!contains(shown.as_bytes()) && !contains(secret(7).key()));
    }
}

#[tokio::test]
async fn a_webhook_belongs_to_its_namespace_and_there_are_no_more_than_may_be() {
    let host = Host::new();
    let store = host.open();
    for id in 0..MOST as u128 {
        add(&store, id).await;
    }
    assert!(!store.add_webhook(webhook(99), secret(1), MOST).await.unwrap());
    let other = Namespace::new("other").unwrap();
    let change = WebhookChange { enabled: Some(false), ..WebhookChange::default() };
    assert_eq!(store.webhook(other.clone(), WebhookId(1)).await, Ok(None));
    assert_eq!(store.change_webhook(other.clone(), WebhookId(1), change, NOW).await, Ok(None));
    assert_eq!(store.remove_webhook(other.clone(), WebhookId(1)).await, Ok(false));
    assert_eq!(store.webhook_secrets(other.clone(), WebhookId(1), NOW).await, Ok(None));
    assert_eq!(store.replay_messages(other, WebhookId(1), Replay::Since(NOW), NOW).await, Ok(None));
}

#[tokio::test]
async fn two_secrets_sign_after_a_rotation_until_the_older_one_ends() {
    let host = Host::new();
    let store = host.open();
    add(&store, 1).await;
    let (namespace, id) = (Namespace::default(), WebhookId(1));
    let end = NOW.plus(Duration::from_secs(86_400));
    store.rotate_webhook_secret(namespace.clone(), id, secret(8), end, NOW).await.unwrap().unwrap();
    let both = store.webhook_secrets(namespace.clone(), id, NOW).await.unwrap().unwrap().1;
    assert_eq!(both, [secret(8), secret(7)]);
    let later = store.webhook_secrets(namespace.clone(), id, end).await.unwrap().unwrap().1;
    assert_eq!(later, [secret(8)]);
    store.rotate_webhook_secret(namespace.clone(), id, secret(9), NOW, NOW).await.unwrap().unwrap();
    let at_once = store.webhook_secrets(namespace, id, NOW).await.unwrap().unwrap().1;
    assert_eq!(at_once, [secret(9)], "a secret that has leaked is taken away at once");
}

#[tokio::test]
async fn one_process_delivers_and_another_takes_over_when_it_has_ended() {
    let host = Host::new();
    let (one, other) = (host.open(), host.open());
    let lead = one.lead().await.unwrap().unwrap();
    assert_eq!(other.lead().await, Ok(None));
    assert_eq!(one.lead().await, Ok(Some(lead)), "the courier goes on");
    drop(one);
    let next = other.lead().await.unwrap().unwrap();
    assert!(next.fence > lead.fence);
}

#[tokio::test]
async fn a_courier_that_resigns_makes_room_at_once() {
    let host = Host::new();
    let (one, other) = (host.open(), host.open());
    let lead = one.lead().await.unwrap().unwrap();
    one.resign(lead).await.unwrap();
    assert!(other.lead().await.unwrap().is_some());
}

#[tokio::test]
async fn what_a_former_courier_brings_late_is_not_written() {
    let host = Host::new();
    let (one, other) = (host.open(), host.open());
    add(&one, 1).await;
    let former = one.lead().await.unwrap().unwrap();
    note(&one, former, vec![message(1, 1)]).await;
    let parcel = due_at(&one, NOW).await.remove(0);
    one.resign(former).await.unwrap();
    other.lead().await.unwrap().unwrap();
    assert!(!settle(&one, former, &parcel, NOW, Outcome::Delivered).await);
    assert_eq!(ids(&due_at(&other, NOW).await), [1], "it goes out again, under its own id");
}

#[tokio::test]
async fn messages_and_the_cursor_are_written_together_and_behind_one_cursor_only_once() {
    let host = Host::new();
    let store = host.open();
    add(&store, 1).await;
    let lead = store.lead().await.unwrap().unwrap();
    let subject = Subject::Grant(GrantId(1));
    let news = News {
        from: 0,
        to: 5,
        messages: vec![message(1, 1)],
        incidents: BTreeMap::from([(subject.clone(), Some(Incident::Degraded))]),
        forget_before: Timestamp(0),
    };
    assert!(store.note(lead, news.clone()).await.unwrap());
    assert!(!store.note(lead, news).await.unwrap(), "the events behind 0 have been told");
    assert_eq!(store.outbox().await.unwrap().cursor, 5);
    let open = store.incidents(BTreeSet::from([subject.clone()])).await.unwrap();
    assert_eq!(open, BTreeMap::from([(subject, Incident::Degraded)]));
    drop(store);
    assert_eq!(ids(&due_at(&host.open(), NOW).await), [1], "a crash loses nothing");
}

#[tokio::test]
async fn a_webhook_is_told_of_what_happens_after_it_was_added() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1, 2]).await;
    let all = EventFilter { namespace: None, grant: None, after: 0, limit: 100 };
    let newest = store.events(all).await.unwrap().last().unwrap().number;
    assert!(!store.outbox().await.unwrap().wanted);
    add(&store, 1).await;
    let outbox = store.outbox().await.unwrap();
    assert!(outbox.wanted);
    assert_eq!((outbox.cursor, outbox.newest), (newest, newest));
}

#[tokio::test]
async fn messages_about_one_grant_wait_for_the_earlier_one_and_others_do_not() {
    let host = Host::new();
    let store = host.open();
    add(&store, 1).await;
    let lead = store.lead().await.unwrap().unwrap();
    note(&store, lead, vec![message(1, 1), message(2, 1), message(3, 2)]).await;
    let due = due_at(&store, NOW).await;
    assert_eq!(ids(&due), [1, 3]);
    assert!(settle(&store, lead, &due[0], NOW, Outcome::Delivered).await);
    assert_eq!(ids(&due_at(&store, NOW).await), [2, 3]);
}

#[tokio::test]
async fn deliveries_under_way_are_not_handed_out_twice_and_a_failing_webhook_gets_one() {
    let host = Host::new();
    let store = host.open();
    add(&store, 1).await;
    let lead = store.lead().await.unwrap().unwrap();
    note(&store, lead, (1..=5).map(|id| message(id, id)).collect()).await;
    let mut wanted = Wanted { now: NOW, under_way: BTreeSet::new(), each: 3, limit: 100, after: None };
    let first = store.parcels(wanted.clone()).await.unwrap();
    assert_eq!(first.len(), 3);
    wanted.under_way = first.iter().map(|parcel| (parcel.webhook.id, parcel.number)).collect();
    assert_eq!(store.parcels(wanted.clone()).await.unwrap(), []);
    let later = NOW.plus(Duration::from_secs(5));
    assert!(settle(&store, lead, &first[0], NOW, failed(Some(later), later)).await);
    wanted.under_way.clear();
    assert_eq!(store.parcels(wanted.clone()).await.unwrap(), [], "it rests");
    wanted.now = later;
    assert_eq!(store.parcels(wanted).await.unwrap().len(), 1, "one try shows whether it works again");
}

#[tokio::test]
async fn a_message_that_is_replayed_while_it_is_under_way_goes_out_once_more() {
    let host = Host::new();
    let store = host.open();
    add(&store, 1).await;
    let lead = store.lead().await.unwrap().unwrap();
    note(&store, lead, vec![message(1, 1)]).await;
    for (times, outcome) in [(1, Outcome::Delivered), (2, Outcome::Delivered), (1, failed(None, NOW))] {
        let under_way = due_at(&store, NOW).await.remove(0);
        for _ in 0..times {
            let which = Replay::Message(MessageId(1));
            let replayed = store.replay_messages(Namespace::default(), WebhookId(1), which, NOW).await;
            assert_eq!(replayed, Ok(Some(1)));
        }
        assert!(settle(&store, lead, &under_way, NOW, outcome).await);
        assert_eq!(ids(&due_at(&store, NOW).await), [1], "replayed {times} times");
    }
    let last = due_at(&store, NOW).await.remove(0);
    assert!(settle(&store, lead, &last, NOW, Outcome::Delivered).await);
    assert_eq!(due_at(&store, NOW).await, []);
}

#[tokio::test]
async fn what_was_delivered_while_its_webhook_was_disabled_is_delivered() {
    let host = Host::new();
    let store = host.open();
    add(&store, 1).await;
    let lead = store.lead().await.unwrap().unwrap();
    note(&store, lead, vec![message(1, 1)]).await;
    let under_way = due_at(&store, NOW).await.remove(0);
    let change = WebhookChange { enabled: Some(false), ..WebhookChange::default() };
    store.change_webhook(Namespace::default(), WebhookId(1), change, NOW).await.unwrap().unwrap();
    assert!(settle(&store, lead, &under_way, NOW, Outcome::Delivered).await);
    let deliveries = store.deliveries(Namespace::default(), WebhookId(1), None, 10).await.unwrap().unwrap();
    assert_eq!(deliveries[0].state, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_webhook_that_is_gone_or_fails_for_days_is_disabled_and_says_so() {
    let host = Host::new();
    let store = host.open();
    for id in [1, 2] {
        add(&store, id).await;
    }
    let lead = store.lead().await.unwrap().unwrap();
    note(&store, lead, vec![message(1, 1), message(2, 2)]).await;
    let due = due_at(&store, NOW).await;
    let (gone, failing) = (&due[0], due.iter().find(|parcel| parcel.webhook.id == WebhookId(2)).unwrap());
    let outcome = Outcome::Gone { failure: "It answered 410.".to_owned() };
    settle(&store, lead, gone, NOW, outcome).await;
    settle(&store, lead, failing, NOW, failed(Some(NOW), NOW)).await;
    let days_later = NOW.plus(FAILING_FOR);
    settle(&store, lead, failing, days_later, failed(Some(days_later), days_later)).await;
    let disabled = |webhooks: Vec<Webhook>| {
        webhooks.iter().map(|webhook| webhook.disabled.unwrap().reason).collect::<Vec<_>>()
    };
    let webhooks = store.list_webhooks(Namespace::default()).await.unwrap();
    assert_eq!(disabled(webhooks), [DisabledReason::Gone, DisabledReason::Failing]);
    assert_eq!(due_at(&store, days_later).await, []);
    let deliveries = store.deliveries(Namespace::default(), WebhookId(2), None, 10).await.unwrap().unwrap();
    assert!(deliveries.iter().all(|delivery| delivery.state == DeliveryState::Held), "{deliveries:?}");
}

#[tokio::test]
async fn what_was_held_or_delivered_goes_out_again_when_it_is_replayed() {
    let host = Host::new();
    let store = host.open();
    add(&store, 1).await;
    let lead = store.lead().await.unwrap().unwrap();
    note(&store, lead, vec![message(1, 1), message(2, 2)]).await;
    for parcel in due_at(&store, NOW).await {
        settle(&store, lead, &parcel, NOW, Outcome::Delivered).await;
    }
    assert_eq!(due_at(&store, NOW).await, []);
    let (namespace, id) = (Namespace::default(), WebhookId(1));
    let one = Replay::Message(MessageId(2));
    assert_eq!(store.replay_messages(namespace.clone(), id, one, NOW).await, Ok(Some(1)));
    assert_eq!(ids(&due_at(&store, NOW).await), [2]);
    let all = Replay::Since(NOW);
    assert_eq!(store.replay_messages(namespace.clone(), id, all, NOW).await, Ok(Some(2)));
    assert_eq!(ids(&due_at(&store, NOW).await), [1, 2]);
    let none = Replay::Since(NOW.plus(Duration::from_secs(1)));
    assert_eq!(store.replay_messages(namespace, id, none, NOW).await, Ok(Some(0)));
}

#[tokio::test]
async fn a_removed_webhook_gets_nothing_and_its_delivery_under_way_is_nobodys() {
    let host = Host::new();
    let store = host.open();
    add(&store, 1).await;
    let lead = store.lead().await.unwrap().unwrap();
    note(&store, lead, vec![message(1, 1)]).await;
    let parcel = due_at(&store, NOW).await.remove(0);
    assert_eq!(store.remove_webhook(Namespace::default(), WebhookId(1)).await, Ok(true));
    assert!(settle(&store, lead, &parcel, NOW, failed(Some(NOW), NOW)).await);
    assert_eq!(due_at(&store, NOW).await, []);
    assert!(!store.outbox().await.unwrap().wanted);
}

#[tokio::test]
async fn old_messages_are_forgotten() {
    let host = Host::new();
    let store = host.open();
    add(&store, 1).await;
    let lead = store.lead().await.unwrap().unwrap();
    note(&store, lead, vec![message(1, 1)]).await;
    let forget_before = NOW.plus(Duration::from_secs(1));
    let news = News { from: 0, to: 0, messages: Vec::new(), incidents: BTreeMap::new(), forget_before };
    assert!(store.note(lead, news).await.unwrap());
    let left = store.deliveries(Namespace::default(), WebhookId(1), None, 10).await.unwrap().unwrap();
    assert_eq!(left, []);
}

#[tokio::test]
async fn the_log_tells_up_to_where_events_are_missing() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1, 2, 3]).await;
    let before = store.event_log().await.unwrap();
    assert_eq!(before.forgotten, 0);
    crate::sqlite::retention::forget(&host.database(), &[1, 2]).unwrap();
    let after = store.event_log().await.unwrap();
    assert_eq!((after.newest, after.forgotten), (before.newest, 2));
}

#[tokio::test]
async fn whoever_waits_for_news_is_woken_by_what_this_process_writes() {
    let host = Host::new();
    let store = host.open();
    let mut news = store.news();
    news.mark_unchanged();
    assert!(!news.has_changed().unwrap());
    stocked(&store, [1]).await;
    assert!(news.has_changed().unwrap());
}

#[tokio::test]
async fn a_derived_key_is_the_same_in_every_process_and_another_for_every_purpose() {
    let host = Host::new();
    let (one, other) = (host.open(), host.open());
    assert_eq!(one.derived_key("links"), other.derived_key("links"));
    assert_ne!(one.derived_key("links"), one.derived_key("cookies"));
    assert_ne!(one.derived_key("links"), Host::new().open().derived_key("links"));
}

#[tokio::test]
async fn a_namespace_that_is_removed_takes_its_webhooks_with_it() {
    let host = Host::new();
    let store = host.open();
    let namespace = Namespace::new("leaving").unwrap();
    store.add_namespace(namespace.clone(), NOW).await.unwrap();
    let leaving = Webhook { namespace: namespace.clone(), ..webhook(1) };
    assert!(store.add_webhook(leaving, secret(7), MOST).await.unwrap());
    store.remove_namespace(namespace.clone(), NOW).await.unwrap();
    assert_eq!(store.list_webhooks(namespace).await.unwrap(), []);
    assert!(!store.outbox().await.unwrap().wanted);
}

#[test]
fn a_look_at_what_is_due_reads_an_index_and_sorts_nothing() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    for schema in
        [include_str!("../schema.sql"), include_str!("../schema_2.sql"), include_str!("../schema_3.sql")]
    {
        connection.execute_batch(schema).unwrap();
    }
    for (sql, expected) in [
        (
            "SELECT min(due_at) FROM webhook_deliveries WHERE due_at IS NOT NULL",
            "SEARCH webhook_deliveries USING COVERING INDEX webhook_deliveries_next (due_at>?)",
        ),
        (
            "SELECT webhook, due_at FROM webhook_deliveries WHERE due_at IS NOT NULL AND webhook > x'00'
             ORDER BY webhook, due_at LIMIT 1",
            "SEARCH webhook_deliveries USING COVERING INDEX webhook_deliveries_due (webhook>?)",
        ),
    ] {
        let plan: Vec<String> = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap()
            .query_map([], |row| row.get(3))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert_eq!(plan, [expected]);
    }
}

#[tokio::test]
async fn webhooks_take_turns_when_there_is_not_room_for_all() {
    let host = Host::new();
    let store = host.open();
    for id in 1..=3 {
        add(&store, id).await;
    }
    let lead = store.lead().await.unwrap().unwrap();
    note(&store, lead, (1..=4).map(|id| message(id, id)).collect()).await;
    let mut wanted = Wanted { now: NOW, under_way: BTreeSet::new(), each: 2, limit: 2, after: None };
    let mut turns = Vec::new();
    for _ in 0..3 {
        let parcels = store.parcels(wanted.clone()).await.unwrap();
        turns.extend(parcels.iter().map(|parcel| parcel.webhook.id.0));
        wanted.after = parcels.last().map(|parcel| parcel.webhook.id);
    }
    assert_eq!(turns, [1, 1, 2, 2, 3, 3]);
}
