use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::world::World;

async fn import(world: &World, number: usize) {
    let body = json!({
        "client": "shop", "refresh_token": format!("refresh-{number}"), "external_id": format!("user-{number}"),
        "labels": { "team": if number.is_multiple_of(2) { "blue" } else { "red" }, "env": "prod" },
        "access_token": format!("access-{number}"), "expires_in": 86_400,
    });
    world.post("/v1/grants", body).await.ok();
}

fn ids(page: &Value) -> Vec<String> {
    page["grants"].as_array().unwrap().iter().map(|grant| grant["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_hold_every_grant_once() {
    let world = World::new().await;
    for number in 0..5 {
        import(&world, number).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/grants?limit=2".to_owned();
    loop {
        let page = world.get(&path).await.ok();
        seen.extend(ids(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/grants?limit=2&cursor={cursor}");
    }
    assert_eq!(seen.len(), 5);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 5);
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let world = World::new().await;
    for number in 0..4 {
        import(&world, number).await;
    }
    for (query, expected) in [
        ("external_id=user-2", 1),
        ("label=team:blue", 2),
        ("label=team:blue&label=env:prod", 2),
        ("label=team:green", 0),
        ("state=active", 4),
        ("state=revoked", 0),
        ("client=shop", 4),
        ("client=other", 0),
    ] {
        let page = world.get(&format!("/v1/grants?{query}")).await.ok();
        assert_eq!(ids(&page).len(), expected, "{query}");
    }
}

#[tokio::test]
async fn a_filter_that_does_not_fit_is_refused() {
    let world = World::new().await;
    for query in [
        "state=dead",
        "label=team",
        "client=A%20B",
        "cursor=x",
        "limit=0",
        "limit=501",
        "extern_id=1",
        "client=a&client=b",
        "external_id=%ff",
    ] {
        world.get(&format!("/v1/grants?{query}")).await.problem(400, "invalid_query");
    }
}
