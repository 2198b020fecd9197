use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_link_leads_to_the_provider_and_its_state_can_be_followed() {
    let world = World::new().await;
    let answer =
        world.post("/v1/authorizations", json!({ "client": "shop", "labels": { "team": "blue" } })).await;
    assert_eq!(answer.status, 201);
    let opened = answer.ok();
    let url = opened["url"].as_str().unwrap();
    assert!(url.starts_with(world.rehearsal.issuer()), "{url}");
    assert!(url.contains("code_challenge_method=S256") && url.contains("state="), "{url}");
    let path = format!("/v1/authorizations/{}", opened["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), path);
    assert_eq!(world.get(&path).await.ok()["state"], "open");

    let callback = world.sign_in(url, "alice").await;
    world.browse(reqwest::Method::GET, &callback).await.page(200);
    let done = world.get(&path).await.ok();
    assert_eq!(done["state"], "connected");
    let grant = world.get(&format!("/v1/grants/{}", done["grant"].as_str().unwrap())).await.ok();
    assert_eq!(grant["labels"], json!({ "team": "blue" }));
}

#[tokio::test]
async fn a_link_that_nobody_used_expires() {
    let world = World::new().await;
    let opened = world.post("/v1/authorizations", json!({ "client": "shop" })).await.ok();
    world.advance(30 * 60);
    let path = format!("/v1/authorizations/{}", opened["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.ok()["state"], "expired");
}

#[tokio::test]
async fn what_does_not_fit_the_client_is_refused() {
    let world = World::new().await;
    let rows = [
        (json!({ "client": "nobody" }), 404, "no_such_client"),
        (json!({ "client": "shop", "grant": "g_00000000000000000000000000000001" }), 404, "no_such_grant"),
        (json!({ "client": "shop", "return_url": "https://evil.example/" }), 422, "unprocessable"),
        (json!({ "client": "shop", "redirect_uri": "https://evil.example/callback" }), 422, "unprocessable"),
        (json!({ "client": "shop", "grant": "nonsense" }), 400, "invalid_body"),
        (json!({ "client": "shop", "external_id": "" }), 400, "invalid_body"),
        (json!({ "client": "shop", "labels": { "a:b": "c" } }), 400, "invalid_body"),
    ];
    for (body, status, reason) in rows {
        world.post("/v1/authorizations", body).await.problem(status, reason);
    }
}

#[tokio::test]
async fn an_authorization_that_does_not_exist_is_a_problem() {
    let world = World::empty().await;
    for id in ["a_00000000000000000000000000000001", "g_00000000000000000000000000000001", "x"] {
        world.get(&format!("/v1/authorizations/{id}")).await.problem(404, "no_such_authorization");
    }
}
