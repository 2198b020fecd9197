//! Adding, changing, removing.

use serde_json::json;

use crate::{receiver::Receiver, world::World};

#[tokio::test]
async fn a_secret_is_shown_once() {
    let world = World::new().await;
    let added = world.post("/v1/webhooks", json!({ "url": "https://receiver.example/hook" })).await;
    assert_eq!(added.status, 201);
    let added = added.json();
    assert!(added["secret"].as_str().unwrap().starts_with("whsec_"));
    let shown = world.get(&format!("/v1/webhooks/{}", added["id"].as_str().unwrap())).await.ok();
    assert!(shown.get("secret").is_none());
    assert_eq!((&shown["url"], &shown["enabled"]), (&json!("https://receiver.example/hook"), &json!(true)));
    // The world looks at every answer and the log for the secret.
    let listed = world.get("/v1/webhooks").await.ok();
    assert_eq!(listed["webhooks"], json!([shown]));
}

#[tokio::test]
async fn a_webhook_is_changed_and_removed() {
    let world = World::new().await;
    let body =
        json!({ "url": "https://receiver.example/", "types": ["grant.connected"], "description": "Billing" });
    let id = world.post("/v1/webhooks", body).await.ok()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/webhooks/{id}");
    let shown = world.patch(&path, json!({ "enabled": false, "types": [] })).await.ok();
    assert_eq!((&shown["disabled"]["reason"], &shown["types"]), (&json!("asked"), &json!([])));
    assert_eq!(shown["description"], "Billing");
    let shown = world.patch(&path, json!({ "enabled": true, "description": "" })).await.ok();
    assert_eq!((&shown["enabled"], &shown["description"]), (&json!(true), &json!(null)));
    let moved = world.patch(&path, json!({ "url": "https://elsewhere.example/" })).await.ok();
    assert_eq!(moved["url"], "https://elsewhere.example/");
    assert_eq!(world.delete(&path).await.status, 204);
    world.get(&path).await.problem(404, "no_such_webhook");
    world.delete(&path).await.problem(404, "no_such_webhook");
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_until_the_older_one_ends() {
    let world = World::new().await;
    let mut receiver = Receiver::open().await;
    let (id, old) = receiver.subscribe(&world, json!({})).await;
    let path = format!("/v1/webhooks/{id}");
    let rotated = world.post(&format!("{path}/rotate-secret"), json!({ "overlap": 3600 })).await.ok();
    let new = rotated["secret"].as_str().unwrap().to_owned();
    assert!(rotated["previous_signs_until"].is_string());
    world.post(&format!("{path}/test"), json!({})).await.ok();
    let both = receiver.next(&world).await;
    assert_eq!(both.kind(), "webhook.test");
    assert!(both.is_signed_with(&old) && both.is_signed_with(&new));
    world.clock.advance(std::time::Duration::from_secs(3600));
    world.post(&format!("{path}/test"), json!({})).await.ok();
    let one = receiver.next(&world).await;
    assert!(!one.is_signed_with(&old) && one.is_signed_with(&new));
}

#[tokio::test]
async fn a_test_message_says_at_once_whether_it_arrived() {
    let world = World::new().await;
    let mut receiver = Receiver::open().await;
    let (id, secret) = receiver.subscribe(&world, json!({ "types": ["client.rejected"] })).await;
    let tested = world.post(&format!("/v1/webhooks/{id}/test"), json!({})).await.ok();
    assert_eq!(tested["delivered"], true);
    let arrived = receiver.next(&world).await;
    assert_eq!((json!(arrived.id()), arrived.kind()), (tested["message"].clone(), "webhook.test"));
    assert!(arrived.is_signed_with(&secret));
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_refused() {
    let world = World::new().await;
    let url = "https://receiver.example/";
    for body in [json!({}), json!({ "url": 1 }), json!({ "url": url, "secret": "whsec_AAAA" })] {
        world.post("/v1/webhooks", body).await.problem(400, "invalid_body");
    }
    world
        .post("/v1/webhooks", json!({ "url": url, "types": ["grant.gone"] }))
        .await
        .problem(400, "invalid_body");
    for unfit in
        ["http://receiver.example/", "ftp://receiver.example/", "hook", "https://u:p@receiver.example/"]
    {
        world.post("/v1/webhooks", json!({ "url": unfit })).await.problem(422, "unprocessable");
    }
    let types = json!({ "url": url, "types": ["webhook.test"] });
    world.post("/v1/webhooks", types).await.problem(422, "unprocessable");
    let description = json!({ "url": url, "description": "a\nb" });
    world.post("/v1/webhooks", description).await.problem(422, "unprocessable");
    for id in ["x", "wh_1", "g_00000000000000000000000000000000"] {
        world.get(&format!("/v1/webhooks/{id}")).await.problem(404, "no_such_webhook");
    }
}

#[tokio::test]
async fn a_replay_names_a_message_or_a_time() {
    let world = World::new().await;
    let added = world.post("/v1/webhooks", json!({ "url": "https://receiver.example/" })).await.ok();
    let path = format!("/v1/webhooks/{}/replay", added["id"].as_str().unwrap());
    let message = format!("msg_{:032x}", 1);
    for body in [
        json!({}),
        json!({ "message": message, "since": "2026-01-01T00:00:00Z" }),
        json!({ "since": "yesterday" }),
        json!({ "message": "1" }),
    ] {
        world.post(&path, body).await.problem(400, "invalid_body");
    }
    let nothing = world.post(&path, json!({ "since": "2026-01-01T01:00:00+01:00" })).await.ok();
    assert_eq!(nothing["messages"], 0);
}

#[tokio::test]
async fn there_are_no_more_webhooks_than_may_be() {
    let world = World::new().await;
    let body = json!({ "url": "https://receiver.example/" });
    for _ in 0..100 {
        assert_eq!(world.post("/v1/webhooks", body.clone()).await.status, 201);
    }
    world.post("/v1/webhooks", body).await.problem(422, "unprocessable");
}
