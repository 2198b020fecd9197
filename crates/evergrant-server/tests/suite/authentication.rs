//! Every route of the API against every kind of key.

use evergrant_server::{ApiKey, ApiRoute, api_routes};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{answer::Answer, world::World};

/// What the key of another namespace is answered, about things that are not its own.
#[derive(Debug, Clone, Copy)]
enum Neighbour {
    /// As if there were no such thing.
    Absent(&'static str),
    /// Nothing of them: a list without them, or something of its own.
    Blind,
    /// What everybody sees.
    Public,
    /// Not within one namespace.
    Forbidden,
}

use Neighbour::{Absent, Blind, Forbidden, Public};

/// Every route that takes a key: method, path, the scope it takes, and what a neighbour sees.
const ROUTES: &[(&str, &str, &str, Neighbour)] = &[
    ("GET", "/v1/clients", "manage", Blind),
    ("POST", "/v1/clients", "manage", Blind),
    ("GET", "/v1/clients/{name}", "manage", Absent("no_such_client")),
    ("PATCH", "/v1/clients/{name}", "manage", Absent("no_such_client")),
    ("DELETE", "/v1/clients/{name}", "manage", Absent("no_such_client")),
    ("GET", "/v1/providers", "manage", Public),
    ("GET", "/v1/providers/{id}", "manage", Public),
    ("GET", "/v1/grants", "manage", Blind),
    ("POST", "/v1/grants", "manage", Absent("no_such_client")),
    ("POST", "/v1/grants/import", "manage", Blind),
    ("GET", "/v1/grants/forecast", "manage", Blind),
    ("GET", "/v1/grants/{grant}", "manage", Absent("no_such_grant")),
    ("DELETE", "/v1/grants/{grant}", "manage", Absent("no_such_grant")),
    ("GET", "/v1/grants/{grant}/token", "read-token", Absent("no_such_grant")),
    ("GET", "/v1/grants/{grant}/forward-auth", "read-token", Absent("no_such_grant")),
    ("POST", "/v1/grants/{grant}/refresh", "read-token", Absent("no_such_grant")),
    ("POST", "/v1/grants/{grant}/rejections", "read-token", Absent("no_such_grant")),
    ("POST", "/v1/grants/{grant}/revoke", "manage", Absent("no_such_grant")),
    ("POST", "/v1/grants/{grant}/check", "manage", Absent("no_such_grant")),
    ("GET", "/v1/grants/{grant}/events", "manage", Absent("no_such_grant")),
    ("GET", "/v1/grants/{grant}/attempts", "manage", Absent("no_such_grant")),
    ("POST", "/v1/authorizations", "manage", Absent("no_such_client")),
    ("GET", "/v1/authorizations/{id}", "manage", Absent("no_such_authorization")),
    ("GET", "/v1/events", "manage", Blind),
    ("GET", "/v1/webhooks", "manage", Blind),
    ("POST", "/v1/webhooks", "manage", Blind),
    ("GET", "/v1/webhooks/{id}", "manage", Absent("no_such_webhook")),
    ("PATCH", "/v1/webhooks/{id}", "manage", Absent("no_such_webhook")),
    ("DELETE", "/v1/webhooks/{id}", "manage", Absent("no_such_webhook")),
    ("POST", "/v1/webhooks/{id}/rotate-secret", "manage", Absent("no_such_webhook")),
    ("POST", "/v1/webhooks/{id}/test", "manage", Absent("no_such_webhook")),
    ("POST", "/v1/webhooks/{id}/replay", "manage", Absent("no_such_webhook")),
    ("GET", "/v1/webhooks/{id}/deliveries", "manage", Absent("no_such_webhook")),
    ("GET", "/v1/api-keys", "admin", Blind),
    ("POST", "/v1/api-keys", "admin", Blind),
    ("DELETE", "/v1/api-keys/{id}", "admin", Absent("no_such_api_key")),
    ("GET", "/v1/namespaces", "admin", Blind),
    ("POST", "/v1/namespaces", "admin", Forbidden),
    ("DELETE", "/v1/namespaces/{name}", "admin", Forbidden),
];

/// What a world has that only its own keys see.
struct Own {
    grant: String,
    webhook: String,
    authorization: String,
    key: String,
}

impl Own {
    async fn of(world: &World) -> Self {
        let opened = world.post("/v1/authorizations", json!({ "client": "shop" })).await.ok();
        let (_, key) = world.make_key(json!({ "scope": "manage" })).await;
        let authorization = opened["id"].as_str().unwrap().to_owned();
        let webhook = world.post("/v1/webhooks", json!({ "url": "https://receiver.example/" })).await.ok();
        let webhook = webhook["id"].as_str().unwrap().to_owned();
        Self { grant: world.connect("alice").await, webhook, authorization, key }
    }

    /// Ids that nobody has.
    fn nobodys() -> Self {
        let number = "0".repeat(32);
        Self {
            grant: format!("g_{number}"),
            webhook: format!("wh_{number}"),
            authorization: format!("a_{number}"),
            key: format!("k_{number}"),
        }
    }

    fn path(&self, pattern: &str) -> String {
        let (folder, name) = match pattern.split('/').nth(2) {
            Some("clients") => ("{name}", "shop"),
            Some("namespaces") => ("{name}", "default"),
            Some("providers") => ("{id}", "google"),
            Some("webhooks") => ("{id}", self.webhook.as_str()),
            Some("api-keys") => ("{id}", self.key.as_str()),
            _ => ("{id}", self.authorization.as_str()),
        };
        let path = pattern.replace(folder, name).replace("{grant}", &self.grant);
        assert!(!path.contains('{'), "{pattern} has a parameter that this test does not know");
        path
    }
}

/// A fit body for the route, as far as it takes one.
fn body(method: &str, pattern: &str) -> Option<Value> {
    Some(match (method, pattern) {
        ("POST", "/v1/clients") => {
            json!({ "name": "theirs", "provider": "google", "client_id": "x", "secret": "s" })
        }
        ("PATCH", _) => json!({}),
        ("POST", "/v1/grants" | "/v1/grants/import") => json!({ "client": "shop", "refresh_token": "r" }),
        ("POST", "/v1/authorizations") => json!({ "client": "shop" }),
        ("POST", "/v1/api-keys") => json!({ "name": "theirs", "scope": "read-token" }),
        ("POST", "/v1/webhooks") => json!({ "url": "https://receiver.example/" }),
        ("POST", path) if path.ends_with("/rotate-secret") => json!({}),
        ("POST", path) if path.ends_with("/replay") => json!({ "since": "2026-01-01T00:00:00Z" }),
        ("POST", "/v1/namespaces") => json!({ "name": "theirs" }),
        ("POST", path) if path.ends_with("/refresh") => json!({ "generation": 1 }),
        ("POST", path) if path.ends_with("/rejections") => json!({ "generation": 1, "status": 401 }),
        _ => return None,
    })
}

async fn ask(world: &World, method: &str, path: &str, authorization: &[&str], body: Option<Value>) -> Answer {
    let mut request = world.anonymous(method.parse().unwrap(), path);
    for value in authorization {
        request = request.header("authorization", *value);
    }
    world
        .send(match body {
            // A line is JSON, too.
            Some(body) if path == "/v1/grants/import" => {
                request.header("content-type", "application/jsonl").body(body.to_string())
            }
            Some(body) => request.json(&body),
            None => request,
        })
        .await
}

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

/// Where a route is missing here, add it above: the tests below are about every one.
#[test]
fn every_route_of_the_api_is_in_the_table_of_these_tests_with_its_scope() {
    let row = |ApiRoute { method, path, scope, .. }| format!("{method} {path} takes {scope}");
    let mut routes: Vec<_> = api_routes().into_iter().map(row).collect();
    let mut tested: Vec<_> =
        ROUTES.iter().map(|(method, path, scope, _)| format!("{method} {path} takes {scope}")).collect();
    routes.sort_unstable();
    tested.sort_unstable();
    assert_eq!(tested, routes);
}

#[tokio::test]
async fn without_a_key_every_route_tells_how_to_authenticate() {
    let world = World::empty().await;
    for (method, pattern, ..) in ROUTES {
        let path = Own::nobodys().path(pattern);
        for nothing in [&[][..], &["Basic eDp5"], &["Digest x"]] {
            let answer = ask(&world, method, &path, nothing, None).await;
            answer.problem(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"evergrant\"", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_no_good_key_is_refused_by_every_route_alike() {
    let world = World::new().await;
    let (revoked, id) = world.make_key(json!({ "scope": "admin" })).await;
    assert_eq!(world.delete(&format!("/v1/api-keys/{id}")).await.status, 204);
    let (expired, _) = world.make_key(json!({ "scope": "admin", "expires_in": 60 })).await;
    assert_eq!(ask(&world, "GET", "/v1/clients", &[&bearer(&expired)], None).await.status, 200);
    world.clock.advance(std::time::Duration::from_secs(60));
    let (unknown, good) = (bearer(ApiKey::generate().expose()), bearer(world.key.expose()));
    let cut = &good[..good.len() - 1];
    let longer = format!("{good}A");
    let rows: [(&str, &[&str]); 11] = [
        ("invalid_token", &["Bearer egk_"]),
        ("invalid_token", &[cut]),
        ("invalid_token", &[&longer]),
        ("invalid_token", &[&unknown]),
        ("invalid_token", &[&bearer(&revoked)]),
        ("invalid_token", &[&bearer(&expired)]),
        ("invalid_token", &[&bearer(&"x".repeat(4000))]),
        ("invalid_request", &["Bearer"]),
        ("invalid_request", &[&good, &good]),
        ("invalid_request", &[&good["Bearer ".len()..]]),
        ("invalid_request", &["Bearer\u{fc}x y"]),
    ];
    for (method, pattern, ..) in ROUTES {
        let path = Own::nobodys().path(pattern);
        for (error, presented) in &rows {
            let answer = ask(&world, method, &path, presented, None).await;
            let problem = answer.problem(401, "unauthenticated");
            assert_eq!(problem["detail"], rows_say(), "nothing tells why");
            let challenge = format!("Bearer realm=\"evergrant\", error=\"{error}\"");
            assert_eq!(answer.header("www-authenticate"), challenge, "{method} {path}");
        }
    }
}

fn rows_say() -> &'static str {
    evergrant_server::Reason::Unauthenticated.meaning()
}

#[tokio::test]
async fn a_key_of_too_small_a_scope_is_told_which_one_it_takes_and_a_larger_one_is_let_in() {
    let world = World::empty().await;
    let mut keys = Vec::new();
    for scope in ["read-token", "manage", "admin"] {
        keys.push((scope, bearer(&world.make_key(json!({ "scope": scope })).await.0)));
    }
    for (method, pattern, needed, _) in ROUTES {
        let path = Own::nobodys().path(pattern);
        let enough = keys.iter().position(|(scope, _)| scope == needed).unwrap();
        for (held, key) in &keys[..enough] {
            // Before anything else is looked at: the body is none.
            let answer = ask(&world, method, &path, &[key], None).await;
            let detail = answer.problem(403, "insufficient_scope")["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(held) && detail.contains(needed), "{detail}");
            let challenge =
                format!("Bearer realm=\"evergrant\", error=\"insufficient_scope\", scope=\"{needed}\"");
            assert_eq!(answer.header("www-authenticate"), challenge, "{method} {path}");
        }
        for (held, key) in &keys[enough..] {
            let answer = ask(&world, method, &path, &[key], None).await;
            let known = answer.status != 401 && !answer.header("www-authenticate").contains("scope=");
            assert!(known, "{method} {path} with {held}: {answer:?}");
            assert!(answer.status < 500, "{method} {path} with {held}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_key_of_another_namespace_sees_nothing_of_this_one_in_any_route() {
    let world = World::new().await;
    let own = Own::of(&world).await;
    world.token(&own.grant).await.ok();
    let neighbour = bearer(world.neighbour.expose());
    for (method, pattern, _, expected) in ROUTES {
        let (path, body) = (own.path(pattern), body(method, pattern));
        let answer = ask(&world, method, &path, &[&neighbour], body.clone()).await;
        match expected {
            Absent(reason) => {
                answer.problem(404, reason);
                let nobodys = Own::nobodys();
                let absent = ask(&world, method, &nobodys.path(pattern), &[&neighbour], body).await;
                let known = |answer: &Answer, own: &Own| {
                    let ids = [&own.grant, &own.authorization, &own.key, &own.webhook];
                    ids.iter().fold(answer.body.clone(), |body, id| body.replace(*id, "ID"))
                };
                assert_eq!(known(&answer, &own), known(&absent, &nobodys), "told apart: {method} {path}");
            }
            Blind => {
                assert!((200..300).contains(&answer.status) || answer.status == 422, "{answer:?}");
                for theirs in
                    ["\"shop\"", "\"default\"", &own.grant, &own.authorization, &own.key, &own.webhook]
                {
                    assert!(!answer.body.contains(theirs), "{method} {path} tells of {theirs}");
                }
            }
            Public => {
                answer.ok();
            }
            Forbidden => {
                answer.problem(403, "insufficient_scope");
            }
        }
    }
    world.token(&own.grant).await.ok();
    world.get("/v1/clients/shop").await.ok();
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
async fn answers_to_programs_are_kept_by_nobody() {
    let world = World::empty().await;
    for path in ["/v1/clients", "/v1/providers/google", "/v1/api-keys"] {
        assert_eq!(world.get(path).await.header("cache-control"), "no-store", "{path}");
    }
}
