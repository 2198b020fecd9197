use std::time::Duration;

use evergrant_rehearse::{Action, Endpoint, Fault};
use reqwest::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_token_comes_with_its_dates_and_is_not_cached() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let answer = world.token(&grant).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let token = answer.ok();
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["expires_in"], 300);
    assert!(token["expires_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(token["scope"], "offline_access openid profile");
    assert!(token["generation"].is_u64() && token.get("warning").is_none(), "{token:#}");
}

#[tokio::test]
async fn an_expired_token_is_refreshed() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let first = world.token(&grant).await.ok();
    world.advance(400);
    let second = world.token(&grant).await.ok();
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!(second["expires_in"], 300);
}

#[tokio::test]
async fn a_token_with_more_life_is_fetched_if_it_is_asked_for() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.advance(100);
    let token = world.get(&format!("/v1/grants/{grant}/token?min_ttl=220")).await.ok();
    assert_eq!(token["expires_in"], 300);
    // More than the token ever has is capped: no loop of refreshes.
    world.get(&format!("/v1/grants/{grant}/token?min_ttl=100000")).await.ok();
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn a_dead_grant_costs_no_request_and_says_why_and_where() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.kill("alice").await;
    world.token(&grant).await.problem(409, "needs_reauthorization");
    let before = world.refreshes();
    for _ in 0..10 {
        let problem = world.token(&grant).await.problem(409, "needs_reauthorization");
        assert_eq!(problem["grant"], grant.as_str());
        assert!(!problem["diagnosis"]["evidence"].as_array().unwrap().is_empty(), "{problem:#}");
        assert!(problem["reauthorize_url"].as_str().unwrap().starts_with(&format!("{}/connect/", world.url)));
    }
    assert_eq!(world.refreshes(), before);
}

#[tokio::test]
async fn a_grant_in_trouble_serves_its_token_with_a_warning() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.rehearsal.with_provider(|provider, now| provider.revoke_consent("alice", None, now)).unwrap();
    world.advance(260);
    world.keeper.settled().await;
    let refresh = format!("/v1/grants/{grant}/refresh");
    let generation = world.get(&format!("/v1/grants/{grant}")).await.ok()["generation"].clone();
    world.post(&refresh, json!({ "generation": generation })).await.problem(409, "needs_reauthorization");
    let token = world.token(&grant).await.ok();
    assert!(token["warning"]["cause"].is_string(), "{token:#}");
}

#[tokio::test]
async fn a_provider_that_is_down_is_answered_with_when_to_come_back() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.rehearsal.add_fault(Fault::before(Action::status(503)).at(Endpoint::Token).always()).unwrap();
    world.advance(400);
    let answer = world.token(&grant).await;
    let problem = answer.problem(503, "provider_unavailable");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{problem}");
}

#[tokio::test]
async fn a_rejected_client_pauses_its_grants_until_it_is_updated() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.rehearsal.change_secret("shop", "canary-new-secret").unwrap();
    world.remember("canary-new-secret");
    world.advance(400);
    let problem = world.token(&grant).await.problem(424, "client_rejected");
    assert_eq!(problem["diagnosis"]["culprit"], "client_registration", "{problem:#}");
    assert!(problem.get("reauthorize_url").is_none());
    world.patch("/v1/clients/shop", json!({ "secret": "canary-new-secret" })).await.ok();
    world.token(&grant).await.ok();
}

#[tokio::test]
async fn a_scope_that_was_not_granted_is_refused_and_harms_nothing() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    let path = format!("/v1/grants/{grant}/token?scope=nonsense");
    let problem = world.get(&path).await.problem(422, "request_refused");
    assert!(problem["diagnosis"]["evidence"].to_string().contains("nonsense"), "{problem:#}");
    world.token(&grant).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_waits_ten_seconds_at_most() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    world.keeper.settled().await;
    let held = world.rehearsal.add_fault(Fault::before(Action::Hold).at(Endpoint::Token)).unwrap();
    world.advance(400);
    let waiting = tokio::spawn(world.request(Method::GET, &format!("/v1/grants/{grant}/token")).send());
    world.rehearsal.wait_held(held, 1).await;
    while world.keeper.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_secs(11));
    let answer = crate::answer::Answer::read(waiting.await.unwrap().unwrap()).await;
    answer.problem(503, "in_progress");
    world.rehearsal.release(held);
    world.token(&grant).await.ok();
}

#[tokio::test]
async fn a_query_that_does_not_fit_is_refused() {
    let world = World::new().await;
    let grant = world.connect("alice").await;
    for query in [
        "min_ttl=-1",
        "min_ttl=soon",
        "min_ttl=1&min_ttl=2",
        "resource=not%20a%20URI",
        "resource=https://a.example/%23x",
        "scope=%22",
        "ttl=1",
        "scope=%ff",
    ] {
        world.get(&format!("/v1/grants/{grant}/token?{query}")).await.problem(400, "invalid_query");
    }
}
