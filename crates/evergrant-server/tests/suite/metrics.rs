use reqwest::Method;

use crate::world::World;

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_grant() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.token(&grant).await.ok();
    world.token("g_00000000000000000000000000000001").await.problem(404, "no_such_grant");
    let page = world.browse(Method::GET, "/metrics").await;
    assert!(page.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        r#"evergrant_http_requests_total{method="GET",route="/v1/grants/{grant}/token",status="200"} 1"#,
        r#"evergrant_problems_total{reason="no_such_grant"} 1"#,
        "evergrant_store_up 1",
        "evergrant_store_quarantined 0",
        "evergrant_lifeboat_records 0",
    ] {
        assert!(page.body.lines().any(|candidate| candidate == line), "{line}\n{}", page.body);
    }
    assert!(!page.body.contains("g_0") && !page.body.contains(&grant), "{}", page.body);
}
