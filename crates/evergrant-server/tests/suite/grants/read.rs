use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_grant_tells_all_but_its_credential() {
    let world = World::new().await;
    let grant = world.connect_as("alice", json!({ "external_id": "user-7" })).await;
    let read = world.get(&format!("/v1/grants/{grant}")).await.ok();
    assert_eq!(read["state"], "active");
    assert_eq!(read["client"], "shop");
    assert_eq!(read["external_id"], "user-7");
    assert_eq!(read["requested_scopes"], json!(["offline_access", "openid", "profile"]));
    assert!(read["next_refresh_at"].is_string());
    assert!(read.get("credential").is_none());
}

#[tokio::test]
async fn a_dead_grant_tells_why() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.kill("alice").await;
    world.token(&grant).await.problem(409, "needs_reauthorization");
    let read = world.get(&format!("/v1/grants/{grant}")).await.ok();
    assert_eq!(read["state"], "needs_reauthorization");
    assert!(read["diagnosis"]["cause"].is_string() && read["diagnosis"]["page"].is_string(), "{read:#}");
}

#[tokio::test]
async fn what_names_no_grant_is_not_found() {
    let world = World::empty().await;
    for id in ["g_00000000000000000000000000000001", "a_00000000000000000000000000000001", "x", "%ff", "%00"]
    {
        world.get(&format!("/v1/grants/{id}")).await.problem(404, "no_such_grant");
    }
}
