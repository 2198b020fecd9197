#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::World;

/// Somebody who is told, and says 204.
struct Receiver {
    listener: TcpListener,
}

impl Receiver {
    async fn open() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.listener.local_addr().unwrap())
    }

    /// The next message: its head and its body.
    async fn next(&self) -> (String, Value) {
        let (mut stream, head, body) = self.take().await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
        (head, body)
    }

    /// The next message, which is not answered yet.
    async fn take(&self) -> (TcpStream, String, Value) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let (mut request, mut buffer) = (Vec::new(), [0; 1024]);
        loop {
            let bytes = stream.read(&mut buffer).await.unwrap();
            assert!(bytes > 0, "the request is whole");
            request.extend_from_slice(&buffer[..bytes]);
            let text = String::from_utf8_lossy(&request).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && let Ok(body) = serde_json::from_str(body)
            {
                return (stream, head.to_lowercase(), body);
            }
        }
    }
}

/// Adds the receiver; gives its id and what was printed.
async fn add(world: &World, receiver: &Receiver) -> (String, Value) {
    let added = world.run(&["webhooks", "add", &receiver.url(), "--format", "json"]).await.json();
    (added["id"].as_str().unwrap().to_owned(), added)
}

#[tokio::test]
async fn a_secret_is_printed_alone_and_once() {
    let world = World::new().await;
    let url = "https://receiver.example/hook";
    let secret = world.run(&["webhooks", "add", url, "--type", "client.rejected"]).await.good();
    assert!(secret.trim().starts_with("whsec_") && !secret.trim().contains(char::is_whitespace), "{secret}");
    let listed = world.run(&["webhooks", "list", "--format", "json"]).await.good();
    assert!(listed.contains(url) && listed.contains("client.rejected") && !listed.contains(secret.trim()));
    let id = serde_json::from_str::<Value>(&listed).unwrap()[0]["id"].as_str().unwrap().to_owned();
    let rotated = world.run(&["webhooks", "rotate-secret", &id]).await.good();
    assert_ne!(rotated, secret);
    assert!(world.run(&["webhooks", "show", &id]).await.good().contains(url));
    world.run(&["webhooks", "remove", &id]).await.good();
    world.run(&["webhooks", "show", &id]).await.bad(8);
}

#[tokio::test]
async fn a_test_message_says_whether_it_arrived() {
    let world = World::new().await;
    let receiver = Receiver::open().await;
    let (id, _) = add(&world, &receiver).await;
    let tested = ["webhooks", "test", &id];
    let (said, (head, body)) = tokio::join!(world.run(&tested), receiver.next());
    said.good();
    assert!(head.contains("webhook-signature: v1,") && head.contains("webhook-id: msg_"), "{head}");
    assert_eq!(body["type"], "webhook.test");
    drop(receiver);
    let said = world.run(&tested).await.bad(1);
    assert!(said.contains("No connection could be made."), "{said}");
}

#[tokio::test]
async fn a_running_server_delivers_what_commands_beside_it_have_done_and_replay() {
    let world = World::new().await;
    world.add_client().await;
    let receiver = Receiver::open().await;
    let (id, _) = add(&world, &receiver).await;
    let mut server = world.start(&["serve", "--listen", "127.0.0.1:0", "--allow-loopback-http"]);
    server.first_line().await;
    let grant = world.import().await;
    let (head, body) = receiver.next().await;
    assert_eq!((&body["type"], &body["data"]["grant"]), (&json!("grant.connected"), &json!(grant)));
    let message = message_id(&head);
    world.run(&["webhooks", "replay", &id, "--message", &message]).await.good();
    let (again, _) = receiver.next().await;
    assert!(again.contains(&message), "{again}");
    server.signal(Signal::TERM);
    server.finish().await.good();
}

#[tokio::test]
async fn a_process_that_is_killed_in_the_middle_of_a_delivery_loses_no_message() {
    let world = World::new().await;
    world.add_client().await;
    let receiver = Receiver::open().await;
    add(&world, &receiver).await;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--allow-loopback-http"];
    let mut server = world.start(&serve);
    server.first_line().await;
    world.import().await;
    let (_unanswered, head, body) = receiver.take().await;
    server.signal(Signal::KILL);
    server.finish().await;
    let mut server = world.start(&serve);
    server.first_line().await;
    let (again, body_again) = receiver.next().await;
    assert_eq!((message_id(&again), body_again), (message_id(&head), body));
    server.signal(Signal::TERM);
    server.finish().await.good();
}

fn message_id(head: &str) -> String {
    head.lines().find_map(|line| line.strip_prefix("webhook-id: ")).unwrap().to_owned()
}

#[tokio::test]
async fn a_disabled_webhook_is_replayed_only_after_it_was_enabled() {
    let world = World::new().await;
    let receiver = Receiver::open().await;
    let (id, _) = add(&world, &receiver).await;
    world.run(&["webhooks", "disable", &id]).await.good();
    let replay = ["webhooks", "replay", &id, "--since", "2026-01-01T00:00:00Z"];
    let said = world.run(&replay).await.bad(1);
    assert!(said.contains("evergrant webhooks enable"), "{said}");
    world.run(&["webhooks", "enable", &id]).await.good();
    assert_eq!(world.run(&replay).await.good().trim(), "0 message(s) go out again");
}

#[tokio::test]
async fn what_is_no_webhook_is_refused_with_the_reason() {
    let world = World::new().await;
    let said = world.run(&["webhooks", "add", "http://receiver.example/"]).await.bad(2);
    assert!(said.contains("https"), "{said}");
    let said = world.run(&["webhooks", "add", "https://a.example/", "--type", "grant.gone"]).await.bad(2);
    assert!(said.contains("grant.needs_reauthorization"), "{said}");
    world.run(&["webhooks", "replay", "wh_00000000000000000000000000000000"]).await.bad(2);
    world.run(&["webhooks", "test", "wh_00000000000000000000000000000000"]).await.bad(8);
}
