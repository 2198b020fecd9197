use std::time::Duration;

use evergrant::store::access::ApiKeyId;
use evergrant_server::ApiKey;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{answer::Answer, world::World};

async fn with(world: &World, key: &str, method: Method, path: &str) -> Answer {
    world.send(world.anonymous(method, path).bearer_auth(key)).await
}

async fn found(world: &World, id: &str) -> Value {
    let listed = world.get("/v1/api-keys").await.ok();
    let found = listed["api_keys"].as_array().unwrap().iter().find(|key| key["id"] == id);
    found.unwrap_or_else(|| panic!("{id} is not in {listed}")).clone()
}

/// Lets a second pass: whatever is done every second is done now, or by the next one if it was at work just then.
fn second(world: &World) {
    world.clock.advance(Duration::from_secs(1));
}

/// Asks until the server has looked at its keys by itself.
async fn until(world: &World, key: &str, status: u16) {
    while with(world, key, Method::GET, "/v1/clients").await.status != status {
        second(world);
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_then_only_spoken_of() {
    let world = World::empty().await;
    let body = json!({ "name": " billing ", "scope": "manage", "expires_in": 3600 });
    let answer = world.post("/v1/api-keys", body).await;
    assert_eq!(answer.status, 201);
    let made = answer.ok();
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("egk_"));
    with(&world, key, Method::GET, "/v1/clients").await.ok();
    let found = found(&world, made["id"].as_str().unwrap()).await;
    assert!(found.get("key").is_none());
    for (field, value) in
        [("name", "billing"), ("scope", "manage"), ("namespace", "default"), ("state", "active")]
    {
        assert_eq!(found[field], value);
    }
    assert!(found["expires_at"].is_string() && found["revoked_at"].is_null());
}

#[tokio::test]
async fn a_key_that_is_revoked_is_refused_at_once_and_stays_in_the_list() {
    let world = World::empty().await;
    let (key, id) = world.make_key(json!({ "scope": "manage" })).await;
    for _ in 0..2 {
        assert_eq!(world.delete(&format!("/v1/api-keys/{id}")).await.status, 204);
        with(&world, &key, Method::GET, "/v1/clients").await.problem(401, "unauthenticated");
    }
    assert_eq!(found(&world, &id).await["state"], "revoked");
}

#[tokio::test]
async fn a_key_that_another_process_makes_or_revokes_counts_after_a_second() {
    let world = World::empty().await;
    let (keeper, elsewhere) = world.another_process().await;
    let (key, id) = world.make_key(json!({ "scope": "manage" })).await;
    let there = |key: &str| {
        let asking = reqwest::Client::new().get(format!("{elsewhere}/v1/clients")).bearer_auth(key).send();
        async { asking.await.unwrap().status().as_u16() }
    };
    while there(&key).await != 200 {
        second(&world);
    }
    let id: ApiKeyId = id.parse().unwrap();
    keeper.revoke_api_key(id, None).await.unwrap().unwrap();
    until(&world, &key, 401).await;
}

#[tokio::test]
async fn whoever_listens_with_a_key_that_is_revoked_hears_nothing_more() {
    let world = World::empty().await;
    let (key, id) = world.make_key(json!({ "scope": "manage" })).await;
    let request = world.anonymous(Method::GET, "/v1/events").header("accept", "text/event-stream");
    let mut listening = request.bearer_auth(&key).send().await.unwrap();
    assert!(listening.chunk().await.unwrap().is_some(), "it is greeted");
    assert_eq!(world.delete(&format!("/v1/api-keys/{id}")).await.status, 204);
    world.add_shop(json!({})).await;
    loop {
        tokio::select! {
            heard = listening.chunk() => match heard.unwrap() {
                Some(heard) => assert!(!String::from_utf8_lossy(&heard).contains("client"), "{heard:?}"),
                None => break,
            },
            _ = world.browse(Method::GET, "/livez") => second(&world),
        }
    }
}

#[tokio::test]
async fn the_keys_of_the_last_look_count_while_the_store_is_away() {
    let world = World::empty().await;
    world.get("/v1/clients").await.ok();
    let away = rusqlite::Connection::open(world.store()).unwrap();
    away.execute_batch("ALTER TABLE store RENAME TO store_away").unwrap();
    let stranger = ApiKey::generate();
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(1));
        world.get("/v1/providers/google").await.ok();
        let refused = with(&world, stranger.expose(), Method::GET, "/v1/clients").await;
        refused.problem(401, "unauthenticated");
    }
    world.get("/v1/api-keys").await.problem(503, "store_unavailable");
}

#[tokio::test]
async fn a_key_ends_by_itself() {
    let world = World::empty().await;
    let (key, id) = world.make_key(json!({ "scope": "manage", "expires_in": 60 })).await;
    world.clock.advance(Duration::from_secs(59));
    with(&world, &key, Method::GET, "/v1/clients").await.ok();
    world.clock.advance(Duration::from_secs(1));
    with(&world, &key, Method::GET, "/v1/clients").await.problem(401, "unauthenticated");
    assert_eq!(found(&world, &id).await["state"], "expired");
}

#[tokio::test]
async fn the_last_use_is_written_down_later_and_beside_the_requests() {
    let world = World::empty().await;
    let (key, id) = world.make_key(json!({ "scope": "manage" })).await;
    with(&world, &key, Method::GET, "/v1/clients").await.ok();
    assert_eq!(found(&world, &id).await["last_used_at"], Value::Null);
    world.clock.advance(Duration::from_secs(60));
    while found(&world, &id).await["last_used_at"].is_null() {
        second(&world);
    }
}

#[tokio::test]
async fn a_server_that_stops_writes_down_which_keys_were_used() {
    let mut world = World::empty().await;
    let (key, id) = world.make_key(json!({ "scope": "manage" })).await;
    with(&world, &key, Method::GET, "/v1/clients").await.ok();
    world.stop.take().unwrap().send(()).unwrap();
    world.serving.take().unwrap().await.unwrap();
    let access = world.keeper.access(None).await.unwrap().unwrap();
    let key = access.keys.iter().find(|key| key.id.to_string() == id).unwrap();
    assert!(key.last_used_at.is_some());
}

#[tokio::test]
async fn an_admin_of_one_namespace_makes_lists_and_revokes_keys_of_that_one_only() {
    let world = World::empty().await;
    let (_, ours) = world.make_key(json!({ "scope": "manage" })).await;
    let post = |body: Value| {
        world.send(
            world.anonymous(Method::POST, "/v1/api-keys").bearer_auth(world.neighbour.expose()).json(&body),
        )
    };
    let own = post(json!({ "name": "own", "scope": "admin" })).await.ok();
    assert_eq!(own["namespace"], "neighbour");
    post(json!({ "name": "x", "scope": "manage", "namespace": "neighbour" })).await.ok();
    for absent in ["default", "nowhere"] {
        let body = json!({ "name": "x", "scope": "manage", "namespace": absent });
        post(body).await.problem(404, "no_such_namespace");
    }
    let all = json!({ "name": "x", "scope": "manage", "all_namespaces": true });
    post(all).await.problem(403, "insufficient_scope");

    let listed = with(&world, world.neighbour.expose(), Method::GET, "/v1/api-keys").await.ok();
    let listed = listed["api_keys"].as_array().unwrap();
    assert!(listed.iter().all(|key| key["namespace"] == "neighbour"), "{listed:?}");
    let delete = |id: String| {
        let path = format!("/v1/api-keys/{id}");
        world.send(world.anonymous(Method::DELETE, &path).bearer_auth(world.neighbour.expose()))
    };
    delete(ours).await.problem(404, "no_such_api_key");
    assert_eq!(delete(own["id"].as_str().unwrap().to_owned()).await.status, 204);
}

#[tokio::test]
async fn an_admin_of_all_makes_keys_for_any_namespace_and_for_all() {
    let world = World::empty().await;
    let (everywhere, _) = world.make_key(json!({ "scope": "manage", "all_namespaces": true })).await;
    let (there, _) = world.make_key(json!({ "scope": "manage", "namespace": "neighbour" })).await;
    let ask = |key: String, namespace: &str| {
        let request = world.anonymous(Method::GET, "/v1/clients").bearer_auth(key);
        world.send(request.header("evergrant-namespace", namespace))
    };
    for namespace in ["default", "neighbour"] {
        ask(everywhere.clone(), namespace).await.ok();
    }
    ask(there.clone(), "neighbour").await.ok();
    ask(there, "default").await.problem(404, "no_such_namespace");
}

#[tokio::test]
async fn what_is_no_name_scope_or_namespace_of_a_key_is_refused() {
    let world = World::empty().await;
    let key = world.key.expose();
    for (body, field) in [
        (json!({ "name": "", "scope": "admin" }), "name"),
        (json!({ "name": "a\nb", "scope": "admin" }), "name"),
        (json!({ "name": "x".repeat(101), "scope": "admin" }), "name"),
        (json!({ "name": "x", "scope": "root" }), "scope"),
        (json!({ "name": "x", "scope": key }), "scope"),
        (json!({ "name": "x", "scope": "admin", "namespace": "A/B" }), ""),
        (
            json!({ "name": "x", "scope": "admin", "namespace": "default", "all_namespaces": true }),
            "namespace",
        ),
        (json!({ "name": "x", "scope": "admin", "expires_in": -1 }), ""),
    ] {
        let problem = world.post("/v1/api-keys", body).await.problem(400, "invalid_body");
        assert!(problem["detail"].as_str().unwrap().contains(field), "{problem}");
    }
    let absent = json!({ "name": "x", "scope": "admin", "namespace": "nowhere" });
    world.post("/v1/api-keys", absent).await.problem(404, "no_such_namespace");
    for id in ["k_1", key, "%ff", "k_00000000000000000000000000000000"] {
        world.delete(&format!("/v1/api-keys/{id}")).await.problem(404, "no_such_api_key");
    }
}

#[tokio::test]
async fn a_key_far_in_the_future_ends_at_the_end_of_time() {
    let world = World::empty().await;
    let (key, _) = world.make_key(json!({ "scope": "manage", "expires_in": u64::MAX })).await;
    with(&world, &key, Method::GET, "/v1/clients").await.ok();
}

#[tokio::test]
async fn the_store_holds_no_key() {
    let world = World::empty().await;
    let (key, _) = world.make_key(json!({ "scope": "manage" })).await;
    for entry in std::fs::read_dir(world.store().parent().unwrap()).unwrap() {
        let Ok(bytes) = std::fs::read(entry.unwrap().path()) else { continue };
        for secret in [key.as_str(), &key["egk_".len()..], world.key.expose()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
}
