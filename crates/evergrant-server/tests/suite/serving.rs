use std::time::Duration;

use evergrant_rehearse::{Action, Endpoint, Fault};
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn on_stop_readiness_goes_first_and_accepted_requests_finish() {
    let mut world = World::with(|config| config.drain = Duration::from_secs(5)).await;
    world.add_shop(serde_json::json!({})).await;
    let grant = world.connect("alice").await;
    world.keeper.settled().await;
    let held = world.rehearsal.add_fault(Fault::before(Action::Hold).at(Endpoint::Token)).unwrap();
    world.advance(400);
    let accepted = tokio::spawn(world.request(Method::GET, &format!("/v1/grants/{grant}/token")).send());
    world.rehearsal.wait_held(held, 1).await;

    world.stop.take().unwrap().send(()).unwrap();
    // The first answer after the signal may still be ready; that it ever stops being so is what counts.
    while world.browse(Method::GET, "/readyz").await.status == 200 {
        tokio::task::yield_now().await;
    }
    world.browse(Method::GET, "/readyz").await.problem(503, "shutting_down");
    assert_eq!(world.browse(Method::GET, "/livez").await.status, 200);

    world.clock.advance(Duration::from_secs(5));
    world.rehearsal.release(held);
    assert_eq!(accepted.await.unwrap().unwrap().status(), 200);
    world.serving.take().unwrap().await.unwrap();
    assert!(world.request(Method::GET, "/livez").send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_finishes_does_not_keep_the_server_from_ending() {
    let mut world = World::empty().await;
    let address = world.url.strip_prefix("http://").unwrap().to_owned();
    let mut stalled = TcpStream::connect(address).await.unwrap();
    stalled.write_all(b"POST /v1/clients HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    world.stop.take().unwrap().send(()).unwrap();
    let mut serving = world.serving.take().unwrap();
    loop {
        tokio::select! {
            ended = &mut serving => break ended.unwrap(),
            () = tokio::task::yield_now() => world.clock.advance(Duration::from_secs(1)),
        }
    }
}

#[tokio::test]
async fn a_caller_that_sends_next_to_nothing_is_hung_up_on() {
    let world = World::with(|config| config.patience = Duration::from_millis(20)).await;
    let stalled_head = "GET /livez HTTP/1.1\r\nhost: x\r\n".to_owned();
    let stalled_body = format!(
        "POST /v1/clients HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{{",
        world.key.expose()
    );
    for (sent, answered) in [(stalled_head, ""), (stalled_body, "HTTP/1.1 400")] {
        let mut stream = TcpStream::connect(world.url.strip_prefix("http://").unwrap()).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(answered), "{answer}");
    }
}
