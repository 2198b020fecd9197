use reqwest::Method;

use crate::world::World;

#[tokio::test]
async fn a_server_whose_store_and_driver_answer_is_ready() {
    let world = World::empty().await;
    let ready = world.browse(Method::GET, "/readyz").await.ok();
    assert_eq!(ready, serde_json::json!({ "status": "ready", "lifeboat_records": 0 }));
}

#[tokio::test]
async fn without_its_driver_a_server_is_not_ready() {
    let mut world = World::empty().await;
    world.driver.abort();
    assert!((&mut world.driver).await.unwrap_err().is_cancelled());
    world.browse(Method::GET, "/readyz").await.problem(503, "shutting_down");
    assert_eq!(world.browse(Method::GET, "/livez").await.status, 200);
}
