use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_revoked_grant_is_ended_here_and_at_the_provider() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let revoked = world.post(&format!("/v1/grants/{grant}/revoke"), json!({})).await.ok();
    assert_eq!(revoked["state"], "revoked");
    assert!(revoked["revocation"]["confirmed_at"].is_string(), "{revoked:#}");
    world.token(&grant).await.problem(409, "revoked");
    let refresh = format!("/v1/grants/{grant}/refresh");
    world.post(&refresh, json!({ "generation": 1 })).await.problem(409, "revoked");
}
