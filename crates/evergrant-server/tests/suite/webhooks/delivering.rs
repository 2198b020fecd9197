//! Who delivers, when again, and what is kept of it.

use serde_json::json;

use crate::{
    receiver::{Receiver, states},
    world::World,
};

/// Longer than any first wait, and the rest after it.
const FIRST_RETRY: u64 = 5;

#[tokio::test]
async fn a_message_that_did_not_arrive_comes_again_under_its_id_with_a_fresh_signature() {
    let world = World::new().await;
    let mut receiver = Receiver::open().await;
    let (webhook, secret) = receiver.subscribe(&world, json!({})).await;
    receiver.will_answer([(500, None)]);
    world.connect("alice").await;
    let first = receiver.next(&world).await;
    tried(&world, &webhook, 1).await;
    world.advance(FIRST_RETRY);
    let second = receiver.next(&world).await;
    assert_eq!((first.id(), &first.body), (second.id(), &second.body));
    assert!(first.is_signed_with(&secret) && second.is_signed_with(&secret));
    assert!(second.header("webhook-timestamp") >= first.header("webhook-timestamp"));
    world.until(async || states(&world, &webhook).await == ["delivered"]).await;
    let shown = world.get(&format!("/v1/webhooks/{webhook}")).await.ok();
    assert_eq!((&shown["failures"], &shown["last_failure"]), (&json!(0), &json!(null)));
    assert!(shown["last_success_at"].is_string());
}

#[tokio::test]
async fn a_message_that_is_replayed_while_it_is_under_way_comes_once_more() {
    let world = World::new().await;
    let mut receiver = Receiver::closed().await;
    let (webhook, _) = receiver.subscribe(&world, json!({})).await;
    world.connect("alice").await;
    let first = receiver.next(&world).await;
    let replay = json!({ "message": first.id() });
    world.post(&format!("/v1/webhooks/{webhook}/replay"), replay).await.ok();
    receiver.let_answer(2);
    assert_eq!(receiver.next(&world).await.id(), first.id());
    world.until(async || states(&world, &webhook).await == ["delivered"]).await;
}

#[tokio::test]
async fn a_receiver_that_names_a_time_is_left_alone_until_then() {
    let world = World::new().await;
    let mut receiver = Receiver::open().await;
    let (webhook, _) = receiver.subscribe(&world, json!({})).await;
    receiver.will_answer([(503, Some(("retry-after", "1800")))]);
    world.connect("alice").await;
    receiver.next(&world).await;
    let path = format!("/v1/webhooks/{webhook}");
    world.until(async || world.get(&path).await.ok()["failures"] == 1).await;
    let shown = world.get(&format!("{path}/deliveries")).await.ok();
    let delivery = &shown["deliveries"][0];
    assert_eq!((&delivery["state"], &delivery["attempts"]), (&json!("pending"), &json!(1)));
    assert_eq!(delivery["failure"], "It answered 503.");
    world.advance(1700);
    world.connect("bob").await;
    assert!(receiver.is_empty(), "neither the message nor another one");
    world.advance(100);
    assert_eq!(receiver.kinds(&world, 2).await, ["grant.connected", "grant.connected"]);
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more_until_somebody_enables_and_replays() {
    let world = World::new().await;
    let mut receiver = Receiver::open().await;
    let (webhook, _) = receiver.subscribe(&world, json!({})).await;
    let path = format!("/v1/webhooks/{webhook}");
    receiver.will_answer([(410, None)]);
    world.connect("alice").await;
    let first = receiver.next(&world).await;
    world.until(async || world.get(&path).await.ok()["enabled"] == false).await;
    let shown = world.get(&path).await.ok();
    assert_eq!(shown["disabled"]["reason"], "gone");
    assert!(shown["disabled"]["meaning"].as_str().unwrap().contains("410"), "{shown:#}");
    world.connect("bob").await;
    world.until(async || states(&world, &webhook).await == ["held", "held"]).await;
    world
        .post(&format!("{path}/replay"), json!({ "message": first.id() }))
        .await
        .problem(409, "webhook_disabled");
    world.patch(&path, json!({ "enabled": true })).await.ok();
    let since = first.json["timestamp"].clone();
    let replayed = world.post(&format!("{path}/replay"), json!({ "since": since })).await.ok();
    assert_eq!(replayed["messages"], 2);
    let again = receiver.next(&world).await;
    assert_eq!(again.id(), first.id());
    receiver.next(&world).await;
}

#[tokio::test]
async fn a_delivered_message_comes_again_when_it_is_asked_for_by_its_id() {
    let world = World::new().await;
    let mut receiver = Receiver::open().await;
    let (webhook, _) = receiver.subscribe(&world, json!({})).await;
    world.connect("alice").await;
    let first = receiver.next(&world).await;
    world.until(async || states(&world, &webhook).await == ["delivered"]).await;
    let path = format!("/v1/webhooks/{webhook}/replay");
    assert_eq!(world.post(&path, json!({ "message": first.id() })).await.ok()["messages"], 1);
    assert_eq!(receiver.next(&world).await.id(), first.id());
    let unknown = format!("msg_{:032x}", 1);
    world.post(&path, json!({ "message": unknown })).await.problem(404, "no_such_message");
}

#[tokio::test]
async fn of_two_processes_one_delivers_and_the_other_goes_on_when_it_stops() {
    let mut world = World::new().await;
    let mut receiver = Receiver::open().await;
    receiver.subscribe(&world, json!({})).await;
    world.another_process().await;
    let mut ids = Vec::new();
    for user in ["alice", "bob"] {
        world.connect(user).await;
        ids.push(receiver.next(&world).await.id().to_owned());
    }
    assert!(receiver.is_empty(), "each message came once");
    world.stop.take().unwrap().send(()).unwrap();
    let serving = world.serving.take().unwrap();
    world.meanwhile(serving).await.unwrap();
    let token = evergrant::proto::secret::RefreshToken::new("after-the-first-process").unwrap();
    let client = evergrant::proto::name::ClientName::new("shop").unwrap();
    world.keeper.import(evergrant::NewGrant::new(client, token)).await.unwrap();
    let last = receiver.next(&world).await;
    assert!(last.kind() == "grant.connected" && !ids.iter().any(|id| id == last.id()));
}

#[tokio::test]
async fn a_server_that_stops_sees_through_what_is_under_way() {
    let mut world = World::new().await;
    let mut receiver = Receiver::closed().await;
    let (webhook, _) = receiver.subscribe(&world, json!({})).await;
    world.connect("alice").await;
    receiver.next(&world).await;
    world.stop.take().unwrap().send(()).unwrap();
    receiver.let_answer(1);
    let serving = world.serving.take().unwrap();
    world.meanwhile(serving).await.unwrap();
    let (namespace, id) = (evergrant::proto::name::Namespace::default(), webhook.parse().unwrap());
    let deliveries = world.keeper.webhooks().deliveries(namespace, id, None, 10).await.unwrap().unwrap();
    assert_eq!(deliveries[0].state, evergrant::store::webhook::DeliveryState::Delivered);
}

#[tokio::test]
async fn one_receiver_that_hangs_keeps_no_other_waiting() {
    let world = World::new().await;
    let (mut hangs, mut answers) = (Receiver::closed().await, Receiver::open().await);
    hangs.subscribe(&world, json!({})).await;
    answers.subscribe(&world, json!({})).await;
    for user in ["alice", "bob"] {
        world.connect(user).await;
        assert_eq!(answers.next(&world).await.kind(), "grant.connected");
    }
    hangs.next(&world).await;
}

#[tokio::test]
async fn messages_about_one_grant_arrive_in_their_order_also_over_failures() {
    let world = World::new().await;
    let mut receiver = Receiver::open().await;
    let (webhook, _) = receiver.subscribe(&world, json!({})).await;
    receiver.will_answer([(500, None), (502, None)]);
    let grant = world.connect("alice").await;
    receiver.next(&world).await;
    tried(&world, &webhook, 1).await;
    world.kill("alice").await;
    world.token(&grant).await.problem(409, "needs_reauthorization");
    world.advance(FIRST_RETRY);
    assert_eq!(receiver.kinds(&world, 1).await, ["grant.connected"]);
    tried(&world, &webhook, 2).await;
    world.advance(300);
    assert_eq!(receiver.kinds(&world, 2).await, ["grant.connected", "grant.needs_reauthorization"]);
}

/// Waits until the message to a webhook has been tried so often.
async fn tried(world: &World, webhook: &str, times: u32) {
    let path = format!("/v1/webhooks/{webhook}/deliveries");
    let first =
        async || world.get(&path).await.ok()["deliveries"].as_array().unwrap().last().unwrap().clone();
    world.until(async || first().await["attempts"] == times).await;
}
