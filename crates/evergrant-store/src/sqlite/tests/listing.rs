use std::time::Duration;

use evergrant_proto::{
    name::{ClientName, GrantId, Namespace},
    transaction::Command,
};

use super::world::{Host, NOW, claimed, import, put_client, stocked, succeed};
use crate::{
    SqliteStore,
    store::{EventFilter, GrantFilter, Store},
};

fn all() -> GrantFilter {
    GrantFilter::all(Namespace::default(), 100)
}

async fn ids(store: &SqliteStore, filter: GrantFilter) -> Vec<u128> {
    store.grants(filter).await.unwrap().into_iter().map(|grant| grant.id.0).collect()
}

#[tokio::test]
async fn grants_are_found_by_everything_that_a_caller_knows_of_them() {
    let host = Host::new();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    for number in 1..=4 {
        let mut import = import(number);
        import.owner.external_id = Some(format!("user-{}", number % 2));
        import.owner.labels.insert("team".to_owned(), format!("t{}", number / 3));
        import.owner.labels.insert("plan".to_owned(), "paid".to_owned());
        store.execute(Command::Import(Box::new(import))).await.unwrap();
    }
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let with = |labels| GrantFilter { labels, ..all() };
    assert_eq!(ids(&store, all()).await, [1, 2, 3, 4]);
    assert_eq!(ids(&store, GrantFilter { external_id: Some("user-1".into()), ..all() }).await, [1, 3]);
    assert_eq!(ids(&store, with(vec![label("team", "t1")])).await, [3, 4]);
    assert_eq!(ids(&store, with(vec![label("team", "t1"), label("plan", "paid")])).await, [3, 4]);
    assert!(ids(&store, with(vec![label("team", "t1"), label("plan", "free")])).await.is_empty());
    assert_eq!(ids(&store, GrantFilter { state: Some("active".into()), ..all() }).await.len(), 4);
    assert!(ids(&store, GrantFilter { state: Some("revoked".into()), ..all() }).await.is_empty());
    let other = Some(ClientName::new("other").unwrap());
    assert!(ids(&store, GrantFilter { client: other, ..all() }).await.is_empty());
    assert!(
        ids(&store, GrantFilter { namespace: Namespace::new("other").unwrap(), ..all() }).await.is_empty()
    );
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_holds_no_secret() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, 1..=5).await;
    let page = |after: Option<u128>| GrantFilter { after: after.map(GrantId), limit: 2, ..all() };
    assert_eq!(ids(&store, page(None)).await, [1, 2]);
    assert_eq!(ids(&store, page(Some(2))).await, [3, 4]);
    assert_eq!(ids(&store, page(Some(4))).await, [5]);
    let grants = store.grants(all()).await.unwrap();
    assert!(grants.iter().all(|grant| grant.credential.is_none() && grant.access.is_empty()));
}

#[tokio::test]
async fn labels_that_were_taken_away_find_nothing() {
    let host = Host::new();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    let mut labelled = import(1);
    labelled.owner.labels.insert("team".to_owned(), "red".to_owned());
    store.execute(Command::Import(Box::new(labelled))).await.unwrap();
    store.execute(Command::Import(Box::new(import(1)))).await.unwrap();
    let labels = vec![("team".to_owned(), "red".to_owned())];
    assert!(ids(&store, GrantFilter { labels, ..all() }).await.is_empty());
}

#[tokio::test]
async fn due_grants_come_in_the_order_of_their_dates() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, 1..=3).await;
    claimed(&store, 2, 10).await;
    store.execute(succeed(2, 10)).await.unwrap();
    let later = super::world::read(&store, 2).await.next_due_at.unwrap();
    assert!(later > NOW);
    let due = store.due(NOW, 10).await.unwrap();
    assert_eq!(due, [GrantId(1), GrantId(3)]);
    assert_eq!(store.due(NOW, 1).await.unwrap(), [GrantId(1)]);
    let all = store.due(later.plus(Duration::from_secs(1)), 10).await.unwrap();
    assert_eq!(all, [GrantId(1), GrantId(3), GrantId(2)]);
}

#[tokio::test]
async fn another_process_learns_what_has_changed() {
    let host = Host::new();
    let (here, there) = (host.open(), host.open());
    stocked(&here, 1..=3).await;
    let first = there.changed_since(0, 2).await.unwrap();
    assert_eq!(first.grants, [GrantId(1), GrantId(2)]);
    let second = there.changed_since(first.next, 2).await.unwrap();
    assert_eq!(second.grants, [GrantId(3)]);
    assert!(there.changed_since(second.next, 2).await.unwrap().grants.is_empty());
    claimed(&here, 2, 10).await;
    assert!(there.changed_since(second.next, 2).await.unwrap().grants.is_empty());
    here.execute(succeed(2, 10)).await.unwrap();
    let third = there.changed_since(second.next, 2).await.unwrap();
    assert_eq!(third.grants, [GrantId(2)]);
    assert_eq!(third.next, there.status().await.unwrap().change);
}

#[tokio::test]
async fn events_are_numbered_and_found_by_grant_and_namespace() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, 1..=2).await;
    let filter = EventFilter { namespace: None, grant: None, after: 0, limit: 10 };
    let events = store.events(filter.clone()).await.unwrap();
    assert_eq!(events.len(), 3);
    assert!(events.is_sorted_by_key(|event| event.number));
    let of_grant = EventFilter { grant: Some(GrantId(2)), ..filter.clone() };
    assert_eq!(store.events(of_grant).await.unwrap(), events[2..]);
    let rest =
        EventFilter { after: events[0].number, namespace: Some(Namespace::default()), ..filter.clone() };
    assert_eq!(store.events(rest).await.unwrap(), events[1..]);
    let other = EventFilter { namespace: Some(Namespace::new("other").unwrap()), ..filter };
    assert!(store.events(other).await.unwrap().is_empty());
}

#[tokio::test]
async fn clients_are_listed_by_name_and_carry_their_secret() {
    let host = Host::new();
    let store = host.open();
    store.execute(put_client()).await.unwrap();
    let listed = store.clients(Namespace::default()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].secret, super::world::client().secret);
    let found = store.client(Namespace::default(), ClientName::new("crm").unwrap()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&listed[0]));
}
