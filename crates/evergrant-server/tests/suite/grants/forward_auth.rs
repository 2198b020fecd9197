use evergrant_rehearse::{Action, Endpoint, Fault};
use reqwest::Method;

use crate::{answer::Answer, world::World};

async fn ask(world: &World, grant: &str) -> Answer {
    world.get(&format!("/v1/grants/{grant}/forward-auth")).await
}

#[tokio::test]
async fn the_token_comes_as_the_header_that_a_proxy_copies() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let token = world.token(&grant).await.ok();
    let answer = ask(&world, &grant).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("authorization"), format!("Bearer {}", token["access_token"].as_str().unwrap()));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn what_only_the_user_repairs_is_a_403_with_the_link() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.kill("alice").await;
    let answer = ask(&world, &grant).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.header("evergrant-problem"), "needs_reauthorization");
    assert!(answer.header("evergrant-reauthorize-url").starts_with(&format!("{}/connect/", world.url)));
    assert!(answer.header("authorization").is_empty());
}

#[tokio::test]
async fn what_passes_says_when_to_come_back() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.rehearsal.add_fault(Fault::before(Action::status(503)).at(Endpoint::Token).always()).unwrap();
    world.advance(400);
    let answer = ask(&world, &grant).await;
    answer.problem(503, "provider_unavailable");
    assert_eq!(answer.header("evergrant-problem"), "provider_unavailable");
}

#[tokio::test]
async fn nobody_without_a_key_and_no_neighbour_gets_a_token() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let path = format!("/v1/grants/{grant}/forward-auth");
    world.send(world.anonymous(Method::GET, &path)).await.problem(401, "unauthenticated");
    let next_door = world.anonymous(Method::GET, &path).bearer_auth(world.neighbour.expose());
    world.send(next_door).await.problem(404, "no_such_grant");
    world.get(&format!("{path}?min_ttl=much")).await.problem(400, "invalid_query");
}
