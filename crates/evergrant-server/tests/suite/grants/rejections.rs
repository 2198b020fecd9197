use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_rejected_token_is_replaced_once() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let path = format!("/v1/grants/{grant}/rejections");
    let first = world.token(&grant).await.ok();
    let body = json!({
        "generation": first["generation"], "status": 401, "www_authenticate": "Bearer error=\"invalid_token\"",
    });
    let second = world.post(&path, body.clone()).await.ok();
    assert_ne!(second["access_token"], first["access_token"]);
    let stale = world.post(&path, body).await.ok();
    assert_eq!(stale["access_token"], second["access_token"]);
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn a_lack_of_scope_is_not_cured_by_a_refresh() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let first = world.token(&grant).await.ok();
    let body = json!({
        "generation": first["generation"], "status": 403, "www_authenticate": "Bearer error=\"insufficient_scope\"",
    });
    let same = world.post(&format!("/v1/grants/{grant}/rejections"), body).await.ok();
    assert_eq!(same["access_token"], first["access_token"]);
    assert_eq!(world.refreshes(), 0);
}

#[tokio::test]
async fn what_is_no_rejection_is_refused() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    for body in [
        json!({ "generation": 1 }),
        json!({ "generation": 1, "status": 500 }),
        json!({ "status": 401 }),
        json!({ "generation": 1, "status": 401, "resource": "not a URI" }),
        json!({ "generation": 1, "status": 401, "token": "x" }),
    ] {
        world.post(&format!("/v1/grants/{grant}/rejections"), body).await.problem(400, "invalid_body");
    }
}
