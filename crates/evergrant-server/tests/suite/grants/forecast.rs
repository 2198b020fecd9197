use reqwest::Method;

use crate::world::World;

/// The rehearsal's refresh tokens end by themselves, and its entry of the catalogue does not say when.
const SILENT: &str = r#"{"forecast":[]}"#;

#[tokio::test]
async fn what_nobody_has_said_is_not_forecast() {
    let world = World::new().await;
    world.connect("alice").await;
    assert_eq!(world.get("/v1/grants/forecast").await.body, SILENT);
}

#[tokio::test]
async fn ends_come_sorted_and_are_counted_in_the_metrics() {
    let world = World::new().await;
    // Google's facts: six months unused, and seven days while the application is in testing.
    let add = serde_json::json!({ "name": "mail", "provider": "google" });
    world.add_shop(add).await;
    let body = serde_json::json!({ "client": "mail", "refresh_token": "canary-imported" });
    world.remember("canary-imported");
    let imported = world.post("/v1/grants", body).await.ok();
    let forecast = world.get("/v1/grants/forecast").await.ok();
    let endings = &forecast["forecast"][0]["endings"];
    assert_eq!(forecast["forecast"][0]["grant"], imported["id"], "{forecast:#}");
    assert_eq!(
        (&endings[0]["cause"], &endings[0]["only_if"]),
        (&"app_in_testing_mode".into(), &"app_in_testing".into())
    );
    assert_eq!(
        (&endings[0]["ends_in"], &endings[0]["averted_by"]),
        (&604_800.into(), &"reauthorization".into())
    );
    assert_eq!(
        (&endings[1]["cause"], &endings[1]["averted_by"]),
        (&"refresh_token_expired_idle".into(), &"refresh".into())
    );
    assert_eq!(world.get("/v1/grants/forecast?within=86400").await.body, SILENT);
    assert_eq!(world.get("/v1/grants/forecast?client=shop").await.body, SILENT);
    world.get("/v1/grants/forecast?within=soon").await.problem(400, "invalid_query");
    let page = world.browse(Method::GET, "/metrics").await.body;
    let line = r#"evergrant_grants_ending{averted_by="refresh",within="2592000"} 0"#;
    assert!(page.lines().any(|candidate| candidate == line), "{page}");
}

#[tokio::test]
async fn a_namespace_sees_its_own_ends_only() {
    let world = World::new().await;
    world.connect("alice").await;
    let request = world.anonymous(Method::GET, "/v1/grants/forecast").bearer_auth(world.neighbour.expose());
    assert_eq!(world.send(request).await.body, SILENT);
}
