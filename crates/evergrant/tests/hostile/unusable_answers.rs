//! Answers without usable tokens. Each is told for what it is, and none ends the grant.

use std::time::Duration;

use evergrant::proto::engine::Refusal;

use crate::{
    provider::Play,
    world::{REFRESH_TOKEN, World},
};

const JSON: &str = "application/json";

/// Plays an answer that leaves the outcome in doubt; people are told `cause`, and the grant recovers.
async fn leaves_in_doubt(play: Play, cause: &str) {
    let world = World::new().await;
    let (refusal, told) = world.refused_by(play).await;
    assert!(matches!(refusal, Refusal::OutcomeUnknown { .. }), "{refusal:?}");
    assert!(told.contains(cause), "{cause:?} is not in {told:?}");
    assert_eq!(world.provider.requests().len(), 1, "sent once");
    world.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_cut_off_by_the_connection_says_so() {
    let body = r#"{"access_token":"at-canary-cut","expires_in":3600,"refr"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n";
    leaves_in_doubt(
        Play::Bytes(format!("{head}{body}").into()),
        "the connection broke before the answer was complete",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_before_its_refresh_token_is_no_success() {
    // Taken for one, the old refresh token would be kept and presented although it is spent.
    let body = r#"{"access_token":"at-canary-cut","expires_in":3600,"refresh_tok"#;
    leaves_in_doubt(Play::answer("200 OK", JSON, body), "without readable tokens").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_announces_gigabytes_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10737418240\r\n\r\n{";
    leaves_in_doubt(Play::Bytes(head.into()), "larger than the cap").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_read_up_to_the_cap() {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let mut piece = b"8000\r\n".to_vec();
    piece.resize(piece.len() + 0x8000, b' ');
    piece.extend(b"\r\n");
    leaves_in_doubt(Play::Endless { head, piece }, "larger than the cap").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_ends_is_given_up_at_the_deadline() {
    let world = World::with_window(Some(Duration::from_secs(3))).await;
    let begun =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 80\r\n\r\n{\"access_token\":"
            .to_vec();
    let (refusal, told) = world.refused_by(Play::ThenSilence(begun)).await;
    assert!(matches!(refusal, Refusal::OutcomeUnknown { .. }), "{refusal:?}");
    assert!(told.contains("no complete answer before the deadline"), "{told}");
    world.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captive_portal_is_no_refusal() {
    let page = "<html><title>Welcome!</title>Accept our terms to use this network. invalid_grant</html>";
    leaves_in_doubt(Play::answer("200 OK", "text/html", page), "without readable tokens").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firewall_that_quotes_the_error_is_no_refusal() {
    for (status, content_type, body) in [
        ("403 Forbidden", "text/html", r#"<html>Blocked: {"error":"invalid_grant"}</html>"#),
        ("400 Bad Request", "text/plain", "invalid_grant"),
        ("400 Bad Request", JSON, r#"["invalid_grant"]"#),
        ("400 Bad Request", JSON, r#"{"error":["invalid_grant"]}"#),
        ("400 Bad Request", JSON, r#"{"error":{"error":{"error":"invalid_grant"}}}"#),
        ("400 Bad Request", JSON, r#"{"message":"invalid_grant"}"#),
    ] {
        leaves_in_doubt(Play::answer(status, content_type, body), &status[..3]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_error_that_says_invalid_grant_is_no_refusal() {
    let body = r#"{"error":"invalid_grant","error_description":"database away"}"#;
    leaves_in_doubt(Play::answer("500 Internal Server Error", JSON, body), "500").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_wherever_it_leads() {
    for status in
        ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let world = World::new().await;
        let location = format!("location: http://{}/elsewhere\r\n", world.provider.address);
        let (refusal, told) = world.refused_by(Play::with_headers(status, &location, "")).await;
        assert!(matches!(refusal, Refusal::OutcomeUnknown { .. }), "{refusal:?}");
        assert!(told.contains(&status[..3]), "{told}");
        world.recovers().await;
        let requests = world.provider.requests();
        assert!(requests.iter().all(|request| request.starts_with("POST /token ")), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_without_end_is_refused_without_falling_over() {
    for piece in [r#"{"a":"#, "[", r#"{"a":["#] {
        let bomb = format!(r#"{{"a":{}"#, piece.repeat(1_000_000 / piece.len()));
        leaves_in_doubt(Play::answer("200 OK", JSON, &bomb), "without readable tokens").await;
        leaves_in_doubt(Play::answer("400 Bad Request", JSON, &bomb), "400").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_neither_asked_for_nor_unpacked() {
    let world = World::new().await;
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xed, 0xc1, 1, 1, 0, 0];
    bomb.resize(500_000, 0);
    let headers = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let (refusal, told) = world.refused_by(Play::with_headers("200 OK", headers, bomb)).await;
    assert!(matches!(refusal, Refusal::OutcomeUnknown { .. }), "{refusal:?}");
    assert!(told.contains("without readable tokens"), "{told}");
    let request = world.provider.requests().remove(0).to_lowercase();
    assert!(!request.contains("accept-encoding") || request.contains("accept-encoding: identity"));
    world.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_unreadable() {
    leaves_in_doubt(Play::answer("200 OK", JSON, [0xff, 0xfe, 0x00, 0x80, 0xc3]), "without readable tokens")
        .await;
    leaves_in_doubt(Play::answer("400 Bad Request", JSON, b"\xff\xfe{\xc3\x28}"), "400").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_is_no_success() {
    leaves_in_doubt(Play::answer("200 OK", JSON, ""), "without readable tokens").await;
    leaves_in_doubt(Play::answer("200 OK", JSON, "{}"), "without readable tokens").await;
    leaves_in_doubt(Play::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()), "without readable tokens")
        .await;
    leaves_in_doubt(Play::Bytes(Vec::new()), "the connection broke before the answer was complete").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_named_as_that() {
    let not_http = "the answer is not HTTP/1.1, or its head is larger than the cap";
    leaves_in_doubt(Play::Bytes(b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec()), not_http).await;
    let head = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "a".repeat(200_000));
    leaves_in_doubt(Play::Bytes(head.into()), not_http).await;
    let two_lengths = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}x".to_vec();
    leaves_in_doubt(Play::Bytes(two_lengths), not_http).await;
    let chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n".to_vec();
    leaves_in_doubt(Play::Bytes(chunk), "framed wrongly").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_in_an_answer_that_is_no_success_are_not_used() {
    let body = format!(r#"{{"access_token":"at-canary","refresh_token":"{REFRESH_TOKEN}"}}"#);
    for status in ["400 Bad Request", "401 Unauthorized", "502 Bad Gateway"] {
        leaves_in_doubt(Play::answer(status, JSON, &body), &status[..3]).await;
    }
}
