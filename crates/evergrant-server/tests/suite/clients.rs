use futures_util::future::join_all;
use serde_json::json;

use crate::world::{SECRET, World};

#[tokio::test]
async fn a_client_is_added_read_and_listed_without_its_secret() {
    let world = World::empty().await;
    let added = world.add_shop(json!({ "return_urls": ["https://app.example/done"] })).await;
    assert_eq!(added["has_secret"], true);
    assert_eq!(added["authentication"], "client_secret_basic");
    assert_eq!(added["redirect_uris"], json!([format!("{}/callback", world.url)]));
    assert!(added["endpoints"]["token"].as_str().unwrap().starts_with(world.rehearsal.issuer()));
    assert_eq!(world.get("/v1/clients/shop").await.ok(), added);
    assert_eq!(world.get("/v1/clients").await.ok()["clients"], json!([added]));
    assert!(!added.to_string().contains(SECRET));
}

#[tokio::test]
async fn a_client_is_added_once() {
    let world = World::new().await;
    let again = json!({ "name": "shop", "issuer": world.rehearsal.issuer(), "client_id": "shop" });
    world.post("/v1/clients", again).await.problem(409, "client_exists");
}

#[tokio::test]
async fn a_client_that_cannot_work_is_refused_with_what_to_change() {
    let world = World::empty().await;
    let rows = [
        (json!({ "name": "a", "client_id": "a" }), 422, "unprocessable", "token endpoint"),
        (json!({ "name": "a", "client_id": "a", "provider": "nobody" }), 422, "unprocessable", "catalogue"),
        (json!({ "name": "a", "client_id": "a", "provider": "keycloak" }), 422, "unprocessable", "host"),
        (
            json!({ "name": "a", "client_id": "a", "issuer": "http://127.0.0.1:1" }),
            422,
            "discovery_failed",
            "metadata",
        ),
        (json!({ "name": "A b", "client_id": "a" }), 400, "invalid_body", "is not a name"),
        (json!({ "name": "a", "client_id": "" }), 400, "invalid_body", "empty"),
        (json!({ "name": "a" }), 400, "invalid_body", "client_id"),
        (json!({ "name": "a", "client_id": "a", "secret": "ü" }), 400, "invalid_body", "secret"),
        (
            json!({ "name": "a", "client_id": "a", "return_urls": ["javascript:alert(1)"] }),
            400,
            "invalid_body",
            "return URL",
        ),
        (
            json!({ "name": "a", "client_id": "a", "redirect_uris": ["/callback"] }),
            400,
            "invalid_body",
            "absolute",
        ),
        (
            json!({ "name": "a", "client_id": "a", "endpoints": { "token": "javascript:1" } }),
            400,
            "invalid_body",
            "endpoint",
        ),
        (
            json!({ "name": "a", "client_id": "a", "endpoints": { "tokn": "https://a.example" } }),
            400,
            "invalid_body",
            "tokn",
        ),
        (json!({ "name": "a", "client_id": "a", "scopes": ["a b"] }), 400, "invalid_body", "scope"),
    ];
    for (body, status, reason, words) in rows {
        let problem = world.post("/v1/clients", body.clone()).await.problem(status, reason);
        assert!(problem["detail"].as_str().unwrap().contains(words), "{body}: {problem}");
    }
    assert_eq!(world.get("/v1/clients").await.ok(), json!({ "clients": [] }));
}

#[tokio::test]
async fn an_update_changes_only_what_it_names() {
    let world = World::new().await;
    let before = world.get("/v1/clients/shop").await.ok();
    let after = world
        .patch("/v1/clients/shop", json!({ "scopes": ["openid"], "secret": "another-canary" }))
        .await
        .ok();
    world.remember("another-canary");
    assert_eq!(after["scopes"], json!(["openid"]));
    assert_eq!(after["redirect_uris"], before["redirect_uris"]);
    assert_eq!(after["version"], before["version"].as_u64().unwrap() + 1);
}

#[tokio::test]
async fn new_credentials_are_swapped_in_without_a_request_that_fails() {
    let world = World::new().await;
    let grants = [world.connect("alice").await, world.connect("bob").await];
    let everybody_is_served = async || {
        let requests = (0..30).map(|number: usize| world.token(&grants[number % grants.len()]));
        join_all(requests).await.into_iter().for_each(|answer| drop(answer.ok()));
    };
    // The provider has the new secret and we do not: refreshes are refused, and good tokens are handed out.
    world.remember("another-canary");
    world.rehearsal.change_secret("shop", "another-canary").unwrap();
    for _ in 0..28 {
        world.advance(10);
        world.keeper.settled().await;
        everybody_is_served().await;
    }
    let refused = world.refreshes();
    assert!(refused > 0);
    assert_eq!(world.get("/v1/clients/shop").await.ok()["suspended"], true);
    // Twenty seconds before the first token ends.
    let change = world.patch("/v1/clients/shop", json!({ "secret": "another-canary" }));
    let (changed, ()) = tokio::join!(change, everybody_is_served());
    changed.ok();
    for _ in 0..60 {
        world.advance(10);
        world.keeper.settled().await;
        everybody_is_served().await;
    }
    assert!(world.refreshes() >= refused + grants.len());
    for grant in &grants {
        assert_eq!(world.get(&format!("/v1/grants/{grant}")).await.ok()["state"], "active");
    }
}

#[tokio::test]
async fn a_client_with_grants_is_not_removed() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let problem = world.delete("/v1/clients/shop").await.problem(409, "client_in_use");
    assert_eq!(problem["grant"], grant.as_str());
    world.delete(&format!("/v1/grants/{grant}")).await.ok();
    assert_eq!(world.delete("/v1/clients/shop").await.status, 204);
    world.get("/v1/clients/shop").await.problem(404, "no_such_client");
}

#[tokio::test]
async fn a_client_that_does_not_exist_is_a_problem() {
    let world = World::empty().await;
    for name in ["nobody", "NOT-A-NAME", "%ff"] {
        let path = format!("/v1/clients/{name}");
        world.get(&path).await.problem(404, "no_such_client");
        world.patch(&path, json!({})).await.problem(404, "no_such_client");
        world.delete(&path).await.problem(404, "no_such_client");
    }
}

#[tokio::test]
async fn what_answers_have_shown_is_told_beside_what_is_stated() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    for _ in 0..3 {
        world.advance(400);
        world.token(&grant).await.ok();
    }
    let client = world.get("/v1/clients/shop").await.ok();
    assert_eq!(client["learned"]["replaces"], "always");
    assert_eq!(client["learned"]["access_lifetime"], json!({ "shortest_s": 300, "longest_s": 300 }));
    assert_eq!(client["learned"]["contradicts"], json!([]));
    assert_eq!(client["keep_alive"], true);
    let changed = world.patch("/v1/clients/shop", json!({ "keep_alive": false })).await.ok();
    assert_eq!(changed["keep_alive"], false);
    assert_eq!(changed["learned"], client["learned"]);
    let shown = world.get(&format!("/v1/grants/{grant}")).await.ok();
    assert_eq!(shown["expires_soon"], false);
    assert!(shown["ends_at"].is_null(), "nobody has said when it ends");
}

#[tokio::test]
async fn branding_is_chosen_shown_replaced_as_a_whole_and_taken_back() {
    let world = World::empty().await;
    let branding = json!({ "name": "Acme Billing", "color": "#FFD400" });
    let added = world.add_shop(json!({ "branding": branding })).await;
    assert_eq!(added["branding"], json!({ "name": "Acme Billing", "color": "#ffd400" }));
    let same = world.patch("/v1/clients/shop", json!({ "scopes": ["openid"] })).await.ok();
    assert_eq!(same["branding"], added["branding"]);
    let named = world.patch("/v1/clients/shop", json!({ "branding": { "name": "Acme" } })).await.ok();
    assert_eq!(named["branding"], json!({ "name": "Acme", "color": null }));
    let plain = world.patch("/v1/clients/shop", json!({ "branding": {} })).await.ok();
    assert_eq!(plain["branding"], json!({ "name": null, "color": null }));
    assert_eq!(world.get("/v1/clients/shop").await.ok()["branding"], plain["branding"]);
}

#[tokio::test]
async fn branding_that_could_deceive_or_break_a_page_is_refused() {
    let world = World::new().await;
    let rows = [
        (json!({ "name": "" }), "empty"),
        (json!({ "name": " Acme" }), "space"),
        (json!({ "name": "a".repeat(61) }), "60 characters"),
        (json!({ "name": "Acme\r\nset-cookie: a=b" }), "U+000D"),
        (json!({ "name": "Acme\u{202e}gnp" }), "U+202E"),
        (json!({ "name": "Ac\u{200b}me" }), "U+200B"),
        (json!({ "color": "red" }), "#rrggbb"),
        (json!({ "color": "#fff" }), "#rrggbb"),
        (json!({ "color": "#0a5fd0;}body{display:none" }), "#rrggbb"),
        (json!({ "colour": "#0a5fd0" }), "colour"),
        (json!({ "logo": "https://evil.example/a.svg" }), "logo"),
    ];
    for (branding, words) in rows {
        let body = json!({ "branding": branding });
        let problem = world.patch("/v1/clients/shop", body.clone()).await.problem(400, "invalid_body");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{body}: {problem}");
        assert!(!problem.to_string().contains('\u{202e}'));
    }
    assert_eq!(world.get("/v1/clients/shop").await.ok()["branding"], json!({ "name": null, "color": null }));
}
