use std::time::Duration;

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

#[tokio::test]
async fn without_its_store_a_server_is_not_ready() {
    let world = World::empty().await;
    world.break_store();
    world.browse(Method::GET, "/readyz").await.problem(503, "store_unavailable");
    assert_eq!(world.browse(Method::GET, "/livez").await.status, 200);
    let page = world.browse(Method::GET, "/metrics").await;
    assert_eq!(page.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_told_to_stop_is_not_ready_and_takes_requests_until_it_has_drained() {
    let mut world = World::with(|config| config.drain = Duration::from_secs(5)).await;
    world.stop.take().unwrap().send(()).unwrap();
    while world.browse(Method::GET, "/readyz").await.status == 200 {
        tokio::task::yield_now().await;
    }
    world.browse(Method::GET, "/readyz").await.problem(503, "shutting_down");
    world.get("/v1/grants").await.ok();
    world.clock.advance(Duration::from_secs(5));
    world.serving.take().unwrap().await.unwrap();
}

#[tokio::test]
async fn however_often_it_is_asked_something_is_written_for_it_every_five_seconds_at_most() {
    let world = World::empty().await;
    let checked = || {
        let database = rusqlite::Connection::open(world.store()).unwrap();
        database.query_row("SELECT checked FROM store", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    for times in 1..=2 {
        for _ in 0..5 {
            assert_eq!(world.browse(Method::GET, "/readyz").await.status, 200);
        }
        assert_eq!(checked(), times);
        world.advance(5);
    }
}
