//! What is told, and how often.

use evergrant_rehearse::{Action, Endpoint, Fault};
use reqwest::Method;
use serde_json::json;

use crate::{receiver::Receiver, world::World};

fn down() -> Action {
    Action::Respond { status: 503, headers: std::collections::BTreeMap::new(), body: String::new() }
}

#[tokio::test]
async fn a_grant_that_dies_is_told_with_its_cause_and_a_link_that_brings_it_back() {
    let world = World::new().await;
    let mut receiver = Receiver::open().await;
    let (_, secret) = receiver.subscribe(&world, json!({})).await;
    let grant =
        world.connect_as("alice", json!({ "external_id": "user-7", "labels": { "team": "a" } })).await;
    let connected = receiver.next(&world).await;
    assert_eq!(connected.kind(), "grant.connected");
    assert!(connected.is_signed_with(&secret));
    assert_eq!(connected.header("content-type"), "application/json");
    let data = &connected.json["data"];
    assert_eq!((&data["grant"], &data["external_id"]), (&json!(grant), &json!("user-7")));
    assert_eq!((&data["client"], &data["labels"]), (&json!("shop"), &json!({ "team": "a" })));

    world.kill("alice").await;
    world.token(&grant).await.problem(409, "needs_reauthorization");
    let dead = receiver.next(&world).await;
    assert_eq!(dead.kind(), "grant.needs_reauthorization");
    assert!(dead.is_signed_with(&secret));
    let diagnosis = &dead.json["data"]["diagnosis"];
    assert!(diagnosis["cause"].is_string() && diagnosis["meaning"].is_string(), "{diagnosis:#}");
    assert!(diagnosis["remedies"][0].as_str().unwrap().ends_with('.'), "{diagnosis:#}");
    assert!(diagnosis["page"].as_str().unwrap().starts_with(&world.url), "{diagnosis:#}");

    let link = dead.json["data"]["reauthorize_url"].as_str().unwrap().to_owned();
    world.remember(&link);
    // A week is longer than most processes live.
    let (_, url) = world.another_process().await;
    let elsewhere = world.anonymous_at(Method::GET, &url, link.strip_prefix(&world.url).unwrap());
    world.send(elsewhere).await.page(200);
    world.browse(Method::GET, &link).await.page(200);
    let opened = world.browse(Method::POST, &link).await;
    let callback = world.sign_in(opened.header("location"), "alice").await;
    world.browse(Method::GET, &callback).await.page(200);
    let back = receiver.next(&world).await;
    assert_eq!((back.kind(), &back.json["data"]["grant"]), ("grant.recovered", &json!(grant)));
    let ids = [connected.id(), dead.id(), back.id()];
    assert!(ids.iter().all(|id| id.starts_with("msg_")));
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
}

#[tokio::test]
async fn a_grant_that_is_degraded_for_an_hour_is_told_once_and_once_that_it_is_back() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let mut receiver = Receiver::open().await;
    receiver.subscribe(&world, json!({})).await;
    world.keeper.settled().await;
    let outage = world.rehearsal.add_fault(Fault::before(down()).at(Endpoint::Token)).unwrap();
    for _ in 0..6 {
        world.advance(600);
        world.token(&grant).await;
        world.keeper.settled().await;
    }
    assert!(world.refreshes() > 3, "it was tried again and again");
    let degraded = receiver.next(&world).await;
    assert_eq!(degraded.kind(), "grant.degraded");
    assert!(degraded.json["data"]["diagnosis"]["meaning"].is_string());
    world.rehearsal.remove_fault(outage);
    world.advance(3600);
    world.keeper.settled().await;
    world.token(&grant).await.ok();
    assert_eq!(receiver.next(&world).await.kind(), "grant.recovered");
    assert!(receiver.is_empty());
}

#[tokio::test]
async fn a_client_whose_secret_is_rejected_is_told_once_and_not_for_each_of_its_grants() {
    let world = World::new().await;
    let grants = [world.connect("alice").await, world.connect("bob").await];
    let mut receiver = Receiver::open().await;
    receiver.subscribe(&world, json!({})).await;
    world.rehearsal.change_secret("shop", "canary-another-secret-77").unwrap();
    world.advance(400);
    for grant in grants.iter().cycle().take(6) {
        // One that waits for a second opinion waits for the clock.
        assert!(world.meanwhile(world.token(grant)).await.status >= 400);
        world.advance(70);
    }
    let rejected = receiver.next(&world).await;
    assert_eq!((rejected.kind(), &rejected.json["data"]["client"]), ("client.rejected", &json!("shop")));
    assert_eq!(rejected.json["data"]["grant"], json!(null));

    world.remember("canary-another-secret-77");
    world.patch("/v1/clients/shop", json!({ "secret": "canary-another-secret-77" })).await.ok();
    for grant in &grants {
        world.meanwhile(world.token(grant)).await.ok();
    }
    assert_eq!(receiver.next(&world).await.kind(), "client.recovered");
    world.connect_as("alice", json!({ "new": true })).await;
    assert_eq!(receiver.next(&world).await.kind(), "grant.connected", "nothing else came in between");
}

#[tokio::test]
async fn a_webhook_is_told_what_it_has_chosen_and_nothing_of_another_namespace() {
    let world = World::new().await;
    let (mut chosen, mut all, neighbours) =
        (Receiver::open().await, Receiver::open().await, Receiver::open().await);
    chosen.subscribe(&world, json!({ "types": ["grant.needs_reauthorization"] })).await;
    all.subscribe(&world, json!({})).await;
    let request = world.anonymous(Method::POST, "/v1/webhooks").bearer_auth(world.neighbour.expose());
    world.send(request.json(&json!({ "url": neighbours.url }))).await.ok();
    let grant = world.connect("alice").await;
    world.kill("alice").await;
    world.token(&grant).await.problem(409, "needs_reauthorization");
    assert_eq!(all.kinds(&world, 2).await, ["grant.connected", "grant.needs_reauthorization"]);
    assert_eq!(chosen.kinds(&world, 1).await, ["grant.needs_reauthorization"]);
    let mut neighbours = neighbours;
    assert!(chosen.is_empty() && neighbours.is_empty());
}
