use serde_json::Value;

use crate::world::World;

fn kinds(page: &Value) -> Vec<&str> {
    page["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn events_tell_what_happened_and_can_be_followed() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let path = format!("/v1/grants/{grant}/events");
    let first = world.get(&path).await.ok();
    assert_eq!(kinds(&first), ["connected"]);
    world.kill("alice").await;
    world.token(&grant).await.problem(409, "needs_reauthorization");
    let later = world.get(&format!("{path}?after={}", first["next"])).await.ok();
    assert_eq!(kinds(&later), ["needs_reauthorization"]);
    assert!(later["events"][0]["diagnosis"]["meaning"].is_string(), "{later:#}");
    let nothing = world.get(&format!("{path}?after={}", later["next"])).await.ok();
    assert_eq!((kinds(&nothing), &nothing["next"]), (vec![], &later["next"]));
}

#[tokio::test]
async fn a_query_that_does_not_fit_is_refused() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    for query in ["after=-1", "after=x", "limit=1001", "since=1"] {
        world.get(&format!("/v1/grants/{grant}/events?{query}")).await.problem(400, "invalid_query");
    }
}
