//! Every example is run against a server and a rehearsal provider.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod world;

use evergrant_rehearse::{Action, Endpoint, Fault};
use reqwest::StatusCode;

use crate::world::{Script, World};

async fn works(script: &Script) {
    let world = World::new().await;
    let grant = world.import("alice").await;
    let done = world.run(script, &grant).await;
    assert!(done.success && done.stdout.contains(r#""sub":"alice""#), "{done:?}");
}

async fn survives_a_rejection(script: &Script) {
    let world = World::new().await;
    let grant = world.import("alice").await;
    let reject = Fault::before(Action::status(401)).at(Endpoint::Userinfo).times(1);
    world.rehearsal.add_fault(reject).unwrap();
    let done = world.run(script, &grant).await;
    assert!(done.success && done.stdout.contains(r#""sub":"alice""#), "{done:?}");
}

async fn shows_the_link(script: &Script) {
    let world = World::new().await;
    let grant = world.import("alice").await;
    world.withdraw("alice");
    let done = world.run(script, &grant).await;
    let link = format!("The user opens {}/connect/", world.url);
    assert!(!done.success && done.stderr.contains(&link), "{done:?}");
    assert!(!done.stderr.contains("Traceback") && !done.stderr.contains("    at "), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_script_calls_an_api() {
    works(&Script::python()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_script_reports_a_rejected_token_and_goes_on_with_another() {
    survives_a_rejection(&Script::python()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_script_shows_the_link_that_repairs_a_grant() {
    shows_the_link(&Script::python()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_script_calls_an_api() {
    works(&Script::node()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_script_reports_a_rejected_token_and_goes_on_with_another() {
    survives_a_rejection(&Script::node()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_script_shows_the_link_that_repairs_a_grant() {
    shows_the_link(&Script::node()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_application_connects_calls_recovers_and_leads_to_the_repair() {
    let world = World::new().await;
    let (app, _process) = world.web_application().await;
    let page = format!("{app}/users/alice");

    let link = world.redirected(&page).await;
    assert!(link.starts_with(world.rehearsal.issuer()), "{link}");
    world.sign_in(&link, "alice").await;
    let (status, shown) = world.browse(&page).await;
    assert!(status == StatusCode::OK && shown.contains(r#""sub":"alice""#), "{status} {shown}");

    let reject = Fault::before(Action::status(401)).at(Endpoint::Userinfo).times(1);
    world.rehearsal.add_fault(reject).unwrap();
    assert_eq!(world.browse(&page).await.0, StatusCode::OK);

    world.withdraw("alice");
    let link = world.redirected(&page).await;
    assert!(link.starts_with(&format!("{}/connect/", world.url)), "{link}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_puts_the_token_into_every_request() {
    let world = World::new().await;
    let grant = world.import("alice").await;
    let nginx = world.nginx().await;

    let answer = nginx.get("/userinfo", Some(&grant)).await;
    assert!(answer.status == StatusCode::OK && answer.body.contains(r#""sub":"alice""#), "{answer:?}");
    for nobody in [None, Some("g_00000000000000000000000000000000"), Some("../clients"), Some("g_1/token?a=")]
    {
        let answer = nginx.get("/userinfo", nobody).await;
        assert!(!answer.status.is_success(), "{nobody:?} {answer:?}");
    }

    world.rehearsal.add_fault(Fault::before(Action::status(503)).at(Endpoint::Token).times(1)).unwrap();
    world.expire_tokens();
    let answer = nginx.get("/userinfo", Some(&grant)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert_eq!(answer.header("evergrant-problem"), "provider_unavailable");
    assert!(!answer.header("retry-after").is_empty());

    world.withdraw("alice");
    world.expire_tokens();
    let answer = nginx.get("/userinfo", Some(&grant)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
    assert_eq!(answer.header("evergrant-problem"), "needs_reauthorization");
    let link = answer.header("location");
    assert!(link.starts_with(&format!("{}/connect/", world.url)), "{link}");
}

#[test]
fn every_example_stays_short() {
    for text in [
        include_str!("../../src/bin/axum_app.rs"),
        include_str!("../../python/call_api.py"),
        include_str!("../../node/call-api.mjs"),
    ] {
        assert!(text.lines().count() < 60);
    }
}
