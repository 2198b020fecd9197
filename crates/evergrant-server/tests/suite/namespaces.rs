use reqwest::Method;
use serde_json::{Value, json};

use crate::{answer::Answer, world::World};

async fn within(world: &World, method: Method, path: &str, namespace: &str, body: Option<Value>) -> Answer {
    let request = world.request(method, path).header("evergrant-namespace", namespace);
    world.send(if let Some(body) = body { request.json(&body) } else { request }).await
}

fn names(listed: &Value) -> Vec<&str> {
    listed["namespaces"].as_array().unwrap().iter().map(|space| space["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_namespace_is_added_used_listed_and_removed() {
    let world = World::empty().await;
    let added = world.post("/v1/namespaces", json!({ "name": "team" })).await;
    assert_eq!((added.status, &added.ok()["name"]), (201, &json!("team")));
    world.post("/v1/namespaces", json!({ "name": "team" })).await.problem(409, "namespace_exists");
    within(&world, Method::GET, "/v1/clients", "team", None).await.ok();
    assert_eq!(names(&world.get("/v1/namespaces").await.ok()), ["default", "neighbour", "team"]);
    assert_eq!(world.delete("/v1/namespaces/team").await.status, 204);
    world.delete("/v1/namespaces/team").await.problem(404, "no_such_namespace");
    within(&world, Method::GET, "/v1/clients", "team", None).await.problem(404, "no_such_namespace");
}

#[tokio::test]
async fn what_is_no_namespace_or_names_two_is_refused() {
    let world = World::empty().await;
    for name in ["", "A", "a/b", "../x", &"a".repeat(65)] {
        world.post("/v1/namespaces", json!({ "name": name })).await.problem(400, "invalid_body");
    }
    for odd in ["nowhere", "A", "a b", "default,neighbour", "\"default\""] {
        within(&world, Method::GET, "/v1/clients", odd, None).await.problem(404, "no_such_namespace");
    }
    let twice = world.request(Method::GET, "/v1/clients");
    let twice = twice.header("evergrant-namespace", "default").header("evergrant-namespace", "default");
    world.send(twice).await.problem(400, "invalid_header");
    world.delete("/v1/namespaces/%ff").await.problem(404, "no_such_namespace");
    world.delete("/v1/namespaces/team?contents=maybe").await.problem(400, "invalid_query");
}

#[tokio::test]
async fn a_namespace_with_grants_or_clients_stays_unless_they_shall_go_with_it() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let (key, _) = world.make_key(json!({ "scope": "manage" })).await;
    let problem = world.delete("/v1/namespaces/default").await.problem(409, "namespace_in_use");
    assert!(problem["detail"].as_str().unwrap().starts_with("It has 1 grants and 1 clients."), "{problem}");
    world.token(&grant).await.ok();

    assert_eq!(world.delete("/v1/namespaces/default?contents=true").await.status, 204);
    let with_key = world.anonymous(Method::GET, "/v1/clients").bearer_auth(key);
    world.send(with_key).await.problem(401, "unauthenticated");
    let revoked = world.rehearsal.journal();
    assert!(
        revoked.iter().any(|entry| entry.endpoint == evergrant_rehearse::Endpoint::Revoke),
        "the provider was told"
    );
    assert_eq!(names(&world.get("/v1/namespaces").await.ok()), ["neighbour"]);
}

#[tokio::test]
async fn what_the_provider_has_not_confirmed_keeps_its_client_and_its_namespace() {
    use evergrant_rehearse::{Action, Endpoint, Fault};
    let world = World::new().await;
    world.connect("alice").await;
    let away = Fault::before(Action::status(503)).at(Endpoint::Revoke);
    world.rehearsal.add_fault(away).unwrap();
    let path = "/v1/namespaces/default?contents=true";
    let problem = world.delete(path).await.problem(409, "namespace_in_use");
    assert!(problem["detail"].as_str().unwrap().contains("not confirmed"), "{problem}");
    world.get("/v1/clients/shop").await.ok();
}

#[tokio::test]
async fn the_admin_of_one_namespace_lists_that_one() {
    let world = World::empty().await;
    let request = world.anonymous(Method::GET, "/v1/namespaces").bearer_auth(world.neighbour.expose());
    assert_eq!(names(&world.send(request).await.ok()), ["neighbour"]);
}
