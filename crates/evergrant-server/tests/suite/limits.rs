use std::time::Duration;

use evergrant_server::RateLimit;
use reqwest::Method;
use serde_json::json;

use crate::{answer::Answer, world::World};

const NOBODYS: &str = "/v1/grants/g_00000000000000000000000000000001/token";

async fn world() -> World {
    let limit = RateLimit { requests: 3, window: Duration::from_secs(6) };
    World::with(|config| config.rate_limit = Some(limit)).await
}

fn limited(answer: &Answer) {
    let problem = answer.problem(429, "too_many_requests");
    assert_eq!((answer.header("retry-after"), &problem["retry_after"]), ("2", &json!(2)));
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back_and_others_are_let_in() {
    let world = world().await;
    for left in ["r=2;t=2", "r=1;t=4", "r=0;t=6"] {
        let answer = world.get("/v1/clients").await;
        answer.ok();
        assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=3;w=6");
        assert_eq!(answer.header("ratelimit"), format!("\"default\";{left}"));
    }
    let refused = world.get("/v1/clients").await;
    limited(&refused);
    assert_eq!(refused.header("ratelimit"), "\"default\";r=0;t=6");
    let other = world.anonymous(Method::GET, "/v1/clients").bearer_auth(world.neighbour.expose());
    world.send(other).await.ok();
    world.clock.advance(Duration::from_secs(2));
    world.get("/v1/clients").await.ok();
    limited(&world.get("/v1/clients").await);
}

#[tokio::test]
async fn refused_requests_count_as_well_as_good_ones() {
    let world = world().await;
    for _ in 0..3 {
        world.get("/v1/clients/nobody").await.problem(404, "no_such_client");
    }
    limited(&world.get("/v1/clients/nobody").await);
}

#[tokio::test]
async fn requests_for_tokens_are_not_counted() {
    let world = world().await;
    world.add_shop(json!({})).await;
    let issued = world.rehearsal.issue_grant("shop", "alice", "openid profile").unwrap();
    let import = json!({ "client": "shop", "refresh_token": issued.refresh_token });
    let grant = world.post("/v1/grants", import).await.ok()["id"].as_str().unwrap().to_owned();
    world.get("/v1/clients").await.ok();
    limited(&world.get("/v1/clients").await);
    for _ in 0..10 {
        let answer = world.token(&grant).await;
        answer.ok();
        assert!(answer.header("ratelimit").is_empty());
    }
}

#[tokio::test]
async fn whoever_guesses_grants_is_stopped_and_whoever_has_one_is_not() {
    let world = world().await;
    world.add_shop(json!({})).await;
    let issued = world.rehearsal.issue_grant("shop", "alice", "openid profile").unwrap();
    let import = json!({ "client": "shop", "refresh_token": issued.refresh_token });
    let grant = world.post("/v1/grants", import).await.ok()["id"].as_str().unwrap().to_owned();
    world.token(&grant).await.ok();
    for _ in 0..3 {
        world.get(NOBODYS).await.problem(404, "no_such_grant");
    }
    limited(&world.get(NOBODYS).await);
    world.token(&grant).await.ok();
}

#[tokio::test]
async fn without_a_limit_nobody_is_told_of_one() {
    let world = World::with(|config| config.rate_limit = None).await;
    for _ in 0..20 {
        let answer = world.get("/v1/clients").await;
        answer.ok();
        assert!(answer.header("ratelimit").is_empty() && answer.header("ratelimit-policy").is_empty());
    }
}
