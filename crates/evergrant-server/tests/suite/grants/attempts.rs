use crate::world::World;

#[tokio::test]
async fn the_journal_tells_how_each_request_ended() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.kill("alice").await;
    world.token(&grant).await.problem(409, "needs_reauthorization");
    let journal = world.get(&format!("/v1/grants/{grant}/attempts")).await.ok();
    let newest = &journal["attempts"][0];
    assert_eq!(newest["outcome"], "refused", "{journal:#}");
    assert_eq!(newest["code"], "invalid_grant");
    assert!(newest["ended_at"].is_string());
}

#[tokio::test]
async fn a_limit_out_of_bounds_or_an_unknown_grant_is_refused() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    for query in ["limit=0", "limit=501", "limit=x", "limit=1&limit=2", "order=asc"] {
        world.get(&format!("/v1/grants/{grant}/attempts?{query}")).await.problem(400, "invalid_query");
    }
    world.get("/v1/grants/nonsense/attempts").await.problem(404, "no_such_grant");
}
