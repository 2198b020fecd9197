//! The world checks every answer and the log of every test. Here is a story with every kind of trouble.

use evergrant_rehearse::{Action, Endpoint, Fault};
use reqwest::Method;
use serde_json::json;

use crate::world::{SECRET, World};

#[tokio::test]
async fn no_secret_appears_in_answers_pages_metrics_or_the_log() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let token = world.token(&grant).await.ok()["access_token"].as_str().unwrap().to_owned();
    let echo = format!(r#"{{"error":"invalid_grant","error_description":"no: {SECRET} {token}"}}"#);
    world
        .rehearsal
        .add_fault(Fault::before(Action::respond(400, &echo)).at(Endpoint::Token).always())
        .unwrap();
    world.advance(400);
    let problem = world.token(&grant).await.problem(409, "needs_reauthorization");
    let link = problem["reauthorize_url"].as_str().unwrap();
    world.browse(Method::GET, link).await.page(200);
    let led = world.browse(Method::POST, link).await;
    let callback = world.sign_in(led.header("location"), "alice").await;
    world.browse(Method::GET, &callback).await;
    world.browse(Method::GET, &callback).await;
    world.post("/v1/grants", json!({ "client": "shop", "refresh_token": "canary-imported" })).await;
    world.remember("canary-imported");
    for path in ["", "/events", "/attempts"] {
        world.get(&format!("/v1/grants/{grant}{path}")).await.ok();
    }
    world.get("/v1/grants").await.ok();
    world.get("/v1/clients").await.ok();
    world.browse(Method::GET, "/metrics").await;
    assert!(!crate::log::text().contains(link.rsplit('/').next().unwrap()), "the log holds a link");
}
