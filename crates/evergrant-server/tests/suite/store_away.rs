//! The store breaks while the server runs.

use reqwest::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_store_that_breaks_is_told_apart_from_a_dead_grant_and_a_good_token_is_still_served() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let token = world.token(&grant).await.ok();
    let callback = world.sign_in(&world.link(json!({})).await, "bob").await;
    world.break_store();

    let still = world.token(&grant).await.ok();
    assert_eq!(still["access_token"], token["access_token"]);
    world.advance(400);
    let problem = world.token(&grant).await.problem(503, "store_unavailable");
    assert!(!problem.to_string().contains("sqlite"), "{problem}");
    assert!(problem.get("reauthorize_url").is_none());
    world.get("/v1/grants").await.problem(503, "store_unavailable");
    world.get(&format!("/v1/grants/{grant}")).await.problem(503, "store_unavailable");
    world.browse(Method::GET, "/readyz").await.problem(503, "store_unavailable");
    assert_eq!(world.browse(Method::GET, "/livez").await.status, 200);
    let page = world.browse(Method::GET, &callback).await;
    assert!(page.page(503).contains("Nothing is lost"), "{}", page.body);
}
