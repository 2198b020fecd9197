use evergrant_server::ApiKey;
use reqwest::Method;
use serde_json::json;

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

#[tokio::test]
async fn a_key_sees_its_own_namespace_only() {
    let world = World::new().await;
    let opened = world.post("/v1/authorizations", json!({ "client": "shop" })).await.ok();
    let grant = world.connect("alice").await;
    world.token(&grant).await.ok();
    let ask =
        |method: Method, path: &str| world.anonymous(method, path).bearer_auth(world.neighbour.expose());

    for path in ["", "/token", "/events", "/attempts"] {
        let path = format!("/v1/grants/{grant}{path}");
        world.send(ask(Method::GET, &path)).await.problem(404, "no_such_grant");
    }
    for (path, body) in [
        ("revoke", json!({})),
        ("refresh", json!({ "generation": 1 })),
        ("rejections", json!({ "generation": 1, "status": 401 })),
    ] {
        let path = format!("/v1/grants/{grant}/{path}");
        world.send(ask(Method::POST, &path).json(&body)).await.problem(404, "no_such_grant");
    }
    let path = format!("/v1/grants/{grant}");
    world.send(ask(Method::DELETE, &path)).await.problem(404, "no_such_grant");
    for body in [json!({ "client": "shop", "grant": grant }), json!({ "client": "shop" })] {
        assert_eq!(world.send(ask(Method::POST, "/v1/authorizations").json(&body)).await.status, 404);
        let mut import = body.clone();
        import["refresh_token"] = "r".into();
        assert_eq!(world.send(ask(Method::POST, "/v1/grants").json(&import)).await.status, 404);
    }
    let path = format!("/v1/authorizations/{}", opened["id"].as_str().unwrap());
    world.send(ask(Method::GET, &path)).await.problem(404, "no_such_authorization");
    for method in [Method::GET, Method::DELETE] {
        world.send(ask(method, "/v1/clients/shop")).await.problem(404, "no_such_client");
    }
    assert_eq!(world.send(ask(Method::GET, "/v1/clients")).await.ok()["clients"], json!([]));
    assert_eq!(world.send(ask(Method::GET, "/v1/grants")).await.ok()["grants"], json!([]));
    world.token(&grant).await.ok();
}
