use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_removed_grant_is_gone_from_every_route() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.token(&grant).await.ok();
    let removed = world.delete(&format!("/v1/grants/{grant}")).await.ok();
    assert_eq!(removed["state"], "revoked");
    world.get(&format!("/v1/grants/{grant}")).await.problem(404, "no_such_grant");
    world.token(&grant).await.problem(404, "no_such_grant");
    world.get(&format!("/v1/grants/{grant}/events")).await.problem(404, "no_such_grant");
    world
        .post(&format!("/v1/grants/{grant}/refresh"), json!({ "generation": 1 }))
        .await
        .problem(404, "no_such_grant");
    world.delete(&format!("/v1/grants/{grant}")).await.problem(404, "no_such_grant");
    assert_eq!(world.get("/v1/grants").await.ok()["grants"], json!([]));
}
