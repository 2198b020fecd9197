use reqwest::Method;

use crate::world::World;

#[tokio::test]
async fn an_unknown_address_is_a_problem() {
    let world = World::empty().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v2/grants",
        "/v1/grants/",
        "/connect",
        "/%ff",
        "/problems/x",
        "/problems/%ff",
    ] {
        world.get(path).await.problem(404, "no_such_route");
    }
}

#[tokio::test]
async fn another_method_is_a_problem_that_names_the_ones_that_are_taken() {
    let world = World::empty().await;
    for (method, path, allowed) in [
        (Method::PUT, "/v1/clients", "GET,HEAD,POST"),
        (Method::POST, "/v1/providers", "GET,HEAD"),
        (Method::DELETE, "/callback", "GET,HEAD"),
        (Method::PATCH, "/livez", "GET,HEAD"),
    ] {
        let answer = world.send(world.request(method, path)).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allowed, "{path}");
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_a_plain_one_is_kept() {
    let world = World::empty().await;
    assert_eq!(world.get("/livez").await.header("x-request-id").len(), 32);
    let named = world.request(Method::GET, "/v1/clients").header("x-request-id", "trace-7");
    assert_eq!(world.send(named).await.header("x-request-id"), "trace-7");
}
