//! Metadata that are none, or that lead elsewhere. Whoever adds the client is told, and nothing is believed.

use serde_json::json;

use crate::{provider::Play, world::World};

const JSON: &str = "application/json";

/// Plays an answer to a look for metadata; people are told `cause`.
async fn is_not_believed(play: impl Fn(&str) -> Play, cause: &str) {
    let world = World::new().await;
    let asked = world.in_order().await;
    let issuer = format!("http://{}", world.provider.address);
    world.provider.plays(play(&issuer));
    let told = world.keeper.discover(&issuer).await.unwrap_err().to_string();
    assert!(told.contains(&issuer), "{told:?}");
    assert!(told.contains(cause), "{cause:?} is not in {told:?}");
    assert!(!told.contains(char::is_control), "{told:?}");
    let requests = world.provider.requests().split_off(asked);
    assert!(requests.iter().all(|request| request.contains("/.well-known/")), "{requests:?}");
    world.nothing_leaked().await;
}

fn metadata(issuer: &str, token_endpoint: &str) -> String {
    let authorization = format!("{issuer}/authorize");
    json!({ "issuer": issuer, "authorization_endpoint": authorization, "token_endpoint": token_endpoint })
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_another_issuer_are_refused() {
    // RFC 8414 3.3: otherwise a stranger's endpoints would get our codes and secrets.
    let strangers =
        |_: &str| Play::answer("200 OK", JSON, metadata("https://evil.example", "https://evil.example/t"));
    is_not_believed(strangers, "https://evil.example").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_without_tls_are_refused() {
    let insecure =
        |issuer: &str| Play::answer("200 OK", JSON, metadata(issuer, "http://provider.example/token"));
    is_not_believed(insecure, "token_endpoint").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_of_the_metadata_is_not_followed() {
    let redirect =
        |issuer: &str| Play::with_headers("302 Found", &format!("location: {issuer}/elsewhere\r\n"), "");
    is_not_believed(redirect, "302").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_cannot_be_read_are_named_as_that() {
    let page =
        |_: &str| Play::answer("200 OK", "text/html", "<html>\u{1b}[2JSign in to the guest network</html>");
    is_not_believed(page, "not readable").await;
    let deep = |_: &str| Play::answer("200 OK", JSON, r#"{"issuer":"#.repeat(50_000));
    is_not_believed(deep, "not readable").await;
    let large = |_: &str| Play::answer("200 OK", JSON, " ".repeat(1_000_000));
    is_not_believed(large, "larger than").await;
    let cut = |_: &str| Play::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_vec());
    is_not_believed(cut, "the connection broke").await;
}
