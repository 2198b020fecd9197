use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_refresh_token_from_elsewhere_is_kept() {
    let world = World::new().await;
    let answer = world
        .post(
            "/v1/grants",
            json!({
                "client": "shop", "refresh_token": "canary-refresh", "access_token": "canary-access",
                "expires_in": 3600, "scopes": ["openid"], "external_id": "user-7", "labels": { "team": "blue" },
            }),
        )
        .await;
    world.remember("canary-refresh");
    assert_eq!(answer.status, 201, "{answer:?}");
    let grant = answer.ok();
    assert_eq!(grant["state"], "active");
    assert_eq!(grant["external_id"], "user-7");
    assert_eq!(answer.header("location"), format!("/v1/grants/{}", grant["id"].as_str().unwrap()));
    let token = world.token(grant["id"].as_str().unwrap()).await.ok();
    assert_eq!(token["access_token"], "canary-access");
    assert_eq!(token["expires_in"], 3600);
}

#[tokio::test]
async fn a_refresh_token_that_is_held_already_is_refused_with_its_holder() {
    let world = World::new().await;
    let body = json!({ "client": "shop", "refresh_token": "canary-refresh" });
    world.remember("canary-refresh");
    let first = world.post("/v1/grants", body.clone()).await.ok();
    let problem = world.post("/v1/grants", body).await.problem(409, "refresh_token_held");
    assert_eq!(problem["grant"], first["id"]);
}

#[tokio::test]
async fn a_new_refresh_token_goes_into_the_grant_that_is_named() {
    let world = World::new().await;
    let first = world.post("/v1/grants", json!({ "client": "shop", "refresh_token": "one" })).await.ok();
    let body = json!({ "client": "shop", "refresh_token": "two", "grant": first["id"] });
    let answer = world.post("/v1/grants", body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.ok()["id"], first["id"]);
    assert!(answer.ok()["generation"].as_u64() > first["generation"].as_u64());
}

#[tokio::test]
async fn an_import_that_does_not_fit_is_refused_and_nothing_is_kept() {
    let world = World::new().await;
    let rows = [
        (json!({ "client": "nobody", "refresh_token": "r" }), 404, "no_such_client"),
        (json!({ "client": "shop" }), 400, "invalid_body"),
        (json!({ "client": "shop", "refresh_token": "" }), 400, "invalid_body"),
        (json!({ "client": "shop", "refresh_token": "a\nb" }), 400, "invalid_body"),
        (json!({ "client": "shop", "refresh_token": ["canary-list"] }), 400, "invalid_body"),
        (json!({ "client": "shop", "refresh_token": "r", "expires_in": -1 }), 400, "invalid_body"),
        (
            json!({ "client": "shop", "refresh_token": "r", "external_id": "x".repeat(257) }),
            400,
            "invalid_body",
        ),
        (json!({ "client": "shop", "refresh_token": "r", "labels": ["a"] }), 400, "invalid_body"),
        (
            json!({ "client": "shop", "refresh_token": "r", "grant": "g_00000000000000000000000000000001" }),
            404,
            "no_such_grant",
        ),
    ];
    world.remember("canary-list");
    for (body, status, reason) in rows {
        world.post("/v1/grants", body).await.problem(status, reason);
    }
    assert_eq!(world.get("/v1/grants").await.ok()["grants"], json!([]));
}
