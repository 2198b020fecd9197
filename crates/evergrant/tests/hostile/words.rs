//! What a provider, or whoever answers for it, wants shown to people.

use evergrant::proto::{engine::Refusal, grant::GrantState};
use serde_json::json;
use url::form_urlencoded::byte_serialize;

use crate::{
    provider::Play,
    world::{CLIENT_SECRET, REFRESH_TOKEN, World},
};

/// Plays a refusal with a description; what people are told of it holds nothing that acts on a terminal.
async fn told_of(status: &str, error: &str, description: &str) -> (World, Refusal, String) {
    let world = World::new().await;
    let body =
        json!({ "error": error, "error_description": description, "error_uri": description }).to_string();
    let (refusal, told) = world.refused_by(Play::answer(status, "application/json", body)).await;
    for line in told.lines() {
        let acts = |character: char| character.is_control() || ('\u{202a}'..='\u{202e}').contains(&character);
        assert!(!line.contains(acts), "{line:?}");
    }
    (world, refusal, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_refusal_ends_the_grant_whatever_else_it_says() {
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\nGrant: active\u{202e}\0<script>alert(1)</script>";
    let (world, refusal, told) = told_of("400 Bad Request", "invalid_grant", hostile).await;
    assert!(matches!(refusal, Refusal::NeedsReauthorization(_)), "{refusal:?}");
    assert!(told.contains("invalid_grant"), "{told}");
    // Text for people, on one line; a page escapes it.
    assert!(told.lines().any(|line| line.contains("owned") && line.contains("<script>")), "{told}");
    assert!(matches!(world.record().await.state, GrantState::NeedsReauthorization { .. }));
    world.nothing_leaked().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_repeats_our_secrets_is_masked() {
    let encoded: String = byte_serialize(REFRESH_TOKEN.as_bytes()).collect();
    for description in [
        format!("Refresh token invalid: {REFRESH_TOKEN}"),
        format!("token={encoded}&client_secret={CLIENT_SECRET}"),
        format!("\"{REFRESH_TOKEN}\"{CLIENT_SECRET}"),
        format!("{}{REFRESH_TOKEN}", "x".repeat(480)),
        format!("{} {REFRESH_TOKEN}", "x y ".repeat(120)),
    ] {
        let (world, refusal, _) = told_of("400 Bad Request", "invalid_grant", &description).await;
        assert!(matches!(refusal, Refusal::NeedsReauthorization(_)), "{refusal:?}");
        world.nothing_leaked().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_the_error_code_is_masked_and_the_code_unknown() {
    for error in
        [REFRESH_TOKEN.to_owned(), format!("\u{1b}[31minvalid_grant {CLIENT_SECRET}"), "x".repeat(100_000)]
    {
        let (world, refusal, _) = told_of("400 Bad Request", &error, "").await;
        assert!(matches!(refusal, Refusal::OutcomeUnknown { .. }), "{refusal:?}");
        world.recovers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_client_pauses_the_grant_and_shows_no_secret() {
    let description = format!("client_secret {CLIENT_SECRET} is wrong");
    let (world, refusal, told) = told_of("401 Unauthorized", "invalid_client", &description).await;
    assert!(matches!(refusal, Refusal::ClientRejected { .. }), "{refusal:?}");
    assert!(told.contains("invalid_client"), "{told}");
    world.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_a_header_is_shown_as_carefully_as_one_in_the_body() {
    let world = World::new().await;
    let challenge = format!(
        "www-authenticate: Bearer error=\"invalid_token\", error_description=\"{REFRESH_TOKEN} \u{202e}\"\r\n"
    );
    let (refusal, _) = world.refused_by(Play::with_headers("401 Unauthorized", &challenge, "")).await;
    assert!(!matches!(refusal, Refusal::NeedsReauthorization(_)), "{refusal:?}");
    world.recovers().await;
}
