use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_refresh_brings_a_later_token_once() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let path = format!("/v1/grants/{grant}/refresh");
    let first = world.token(&grant).await.ok();
    let body = json!({ "generation": first["generation"] });
    let second = world.post(&path, body.clone()).await.ok();
    assert!(second["generation"].as_u64() > first["generation"].as_u64());
    assert_ne!(second["access_token"], first["access_token"]);
    let stale = world.post(&path, body).await.ok();
    assert_eq!(stale["access_token"], second["access_token"]);
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn a_token_may_be_named_by_its_digest() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let path = format!("/v1/grants/{grant}/refresh");
    let first = world.token(&grant).await.ok();
    let digits = hexadecimal(digest(&SHA256, first["access_token"].as_str().unwrap().as_bytes()).as_ref());
    let second = world.post(&path, json!({ "token_sha256": digits })).await.ok();
    assert_ne!(second["access_token"], first["access_token"]);
    let stale = world.post(&path, json!({ "token_sha256": digits })).await.ok();
    assert_eq!(stale["access_token"], second["access_token"]);
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn a_body_that_names_no_token_or_two_is_refused() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let path = format!("/v1/grants/{grant}/refresh");
    for body in [
        json!({}),
        json!({ "generation": -1 }),
        json!({ "generation": "1" }),
        json!({ "token_sha256": "abc" }),
        json!({ "generation": 1, "token_sha256": "0".repeat(64) }),
        json!({ "generation": 1, "force": true }),
    ] {
        world.post(&path, body).await.problem(400, "invalid_body");
    }
    assert_eq!(world.refreshes(), 0);
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
