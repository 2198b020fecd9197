//! Receivers that are up to something.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{receiver::Receiver, world::World};

/// A peer that takes a request and sends these bytes, then closes; empty ones after that are nothing at all.
async fn peer(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&answer).await;
        }
    });
    address.to_string()
}

async fn add(world: &World, url: &str) -> String {
    let added = world.post("/v1/webhooks", json!({ "url": url })).await.ok();
    added["id"].as_str().unwrap().to_owned()
}

/// What a test message to the address comes to.
async fn failure(world: &World, url: &str) -> String {
    let id = add(world, url).await;
    let tested = world.post(&format!("/v1/webhooks/{id}/test"), json!({})).await.ok();
    assert_eq!(tested["delivered"], false, "{tested:#}");
    tested["failure"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn redirects_resets_floods_and_nonsense_are_failures_and_are_followed_nowhere() {
    let world = World::new().await;
    let huge =
        [b"HTTP/1.1 200 OK\r\ncontent-length: 4000000\r\n\r\n".to_vec(), vec![b'a'; 4_000_000]].concat();
    let endless = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-pad: aaaaaaaaaaaaaaaa\r\n".repeat(10_000)].concat();
    let rows: Vec<(Vec<u8>, &str)> = vec![
        (
            b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data\r\ncontent-length: 0\r\n\r\n"
                .to_vec(),
            "redirects are not followed",
        ),
        (b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_vec(), "It answered 500."),
        (Vec::new(), "closed the connection"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort".to_vec(), "closed the connection"),
        (b"220 mail.example ESMTP\r\n".to_vec(), "was not HTTP"),
        (huge, "too large"),
        (endless, "was not HTTP"),
    ];
    for (answer, expected) in rows {
        let said = failure(&world, &format!("http://{}/", peer(answer).await)).await;
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn private_addresses_are_refused_and_nothing_tells_what_is_there() {
    let world = World::new().await;
    for url in [
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
    ] {
        let said = failure(&world, url).await;
        assert!(said.starts_with("Its address may not be reached"), "{url}: {said}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_fails_before_anything_is_sent() {
    let world = World::new().await;
    let receiver = Receiver::open().await;
    let address = receiver.url.strip_prefix("http://").unwrap();
    let said = failure(&world, &format!("https://{address}")).await;
    assert!(said.starts_with("TLS failed"), "{said}");
    let mut receiver = receiver;
    assert!(receiver.is_empty());
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_given_up_on() {
    let world = World::with(|config| config.webhook_patience = Duration::from_millis(50)).await;
    let receiver = Receiver::closed().await;
    let said = failure(&world, &receiver.url).await;
    assert_eq!(said, "It did not answer in time.");
}

#[tokio::test]
async fn what_a_receiver_says_is_kept_nowhere() {
    let world = World::new().await;
    world.add_shop(json!({ "name": "other" })).await;
    let address = peer(
        b"HTTP/1.1 500 canary-reason\r\nx-canary: canary-header\r\ncontent-length: 11\r\n\r\ncanary-body"
            .to_vec(),
    )
    .await;
    let id = add(&world, &format!("http://{address}/")).await;
    world.connect("alice").await;
    let path = format!("/v1/webhooks/{id}");
    world.until(async || world.get(&path).await.ok()["failures"] != 0).await;
    for path in [path.clone(), format!("{path}/deliveries")] {
        assert!(!world.get(&path).await.body.contains("canary"));
    }
}
