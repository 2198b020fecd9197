use evergrant_server::ApiKey;
use reqwest::Method;

use crate::world::World;

/// Every route that needs a key.
const ROUTES: [(&str, &str); 16] = [
    ("GET", "/v1/clients"),
    ("POST", "/v1/clients"),
    ("GET", "/v1/clients/shop"),
    ("PATCH", "/v1/clients/shop"),
    ("DELETE", "/v1/clients/shop"),
    ("GET", "/v1/providers"),
    ("GET", "/v1/providers/google"),
    ("GET", "/v1/grants"),
    ("POST", "/v1/grants"),
    ("GET", "/v1/grants/g_00000000000000000000000000000001"),
    ("DELETE", "/v1/grants/g_00000000000000000000000000000001"),
    ("GET", "/v1/grants/g_00000000000000000000000000000001/token"),
    ("POST", "/v1/grants/g_00000000000000000000000000000001/refresh"),
    ("POST", "/v1/grants/g_00000000000000000000000000000001/rejections"),
    ("POST", "/v1/authorizations"),
    ("GET", "/v1/authorizations/a_00000000000000000000000000000001"),
];

#[tokio::test]
async fn every_route_of_the_api_needs_a_known_key() {
    let world = World::empty().await;
    let other = ApiKey::generate();
    for (method, path) in ROUTES {
        let method: Method = method.parse().unwrap();
        let without = world.send(world.anonymous(method.clone(), path)).await;
        without.problem(401, "unauthenticated");
        assert_eq!(without.header("www-authenticate"), "Bearer realm=\"evergrant\"");
        let wrong = world.send(world.anonymous(method, path).bearer_auth(other.expose())).await;
        wrong.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_key_in_another_place_is_no_key() {
    let world = World::empty().await;
    let key = world.key.expose();
    let basic = world.anonymous(Method::GET, "/v1/clients").basic_auth("x", Some(key));
    world.send(basic).await.problem(401, "unauthenticated");
    let query = world.anonymous(Method::GET, &format!("/v1/clients?api_key={key}"));
    world.send(query).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn the_key_of_a_stranger_is_refused_before_the_body_is_read() {
    let world = World::empty().await;
    let request = world.anonymous(Method::POST, "/v1/clients").body("{".repeat(1024));
    world.send(request).await.problem(401, "unauthenticated");
}
