//! SIGTERM under load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    process::until,
    provider::P2,
    world::{Kept, Server, World},
};

const GRANTS: usize = 8;
const CALLERS_OF_EACH: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_told_to_stop_under_load_answers_what_it_accepted_and_loses_no_refresh() {
    let world = World::with_client(P2).await;
    let mut kept = Vec::new();
    for _ in 0..GRANTS {
        kept.push(world.import().await);
    }
    let hold = world.provider.hold_answers(None).await;
    let mut server = world.serve(None).await;
    let callers = callers(&world, &server.address, &server.key, &kept);
    until("every caller waits, and every refresh is held", async || {
        let waiting = server.metric(&world.http, "evergrant_waiting_callers").await;
        (waiting == (GRANTS * CALLERS_OF_EACH) as u64 && hold.held().await == GRANTS as u64).then_some(())
    })
    .await;

    server.process.signal(Signal::TERM);
    server.process.says("stopping").await;
    assert!(!server.process.has_ended());
    hold.release().await;
    for caller in callers {
        let (grant, status, token) = caller.await.unwrap();
        assert_eq!(status, 200, "{grant}: a caller who was let in was sent away");
        assert_eq!(world.run(&["token", &grant]).await.good(), token);
    }
    server.process.finish().await.good();
    let refreshes = world.provider.refreshes().await;
    assert_eq!(refreshes.len(), GRANTS, "{refreshes:#?}");
    for Kept { grant, .. } in &kept {
        assert_eq!(world.show(grant).await["state"], "active");
    }
}

type Asked = tokio::task::JoinHandle<(String, u16, String)>;

fn callers(world: &World, address: &str, key: &str, kept: &[Kept]) -> Vec<Asked> {
    let ask = |kept: &Kept| {
        let (http, key, grant) = (world.http.clone(), key.to_owned(), kept.grant.clone());
        let address = format!("{address}/v1/grants/{grant}/token");
        tokio::spawn(async move {
            let answer = http.get(address).bearer_auth(key).send().await.unwrap();
            let status = answer.status().as_u16();
            let body: serde_json::Value = answer.json().await.unwrap();
            (grant, status, body["access_token"].as_str().unwrap_or_default().to_owned())
        })
    };
    let of_each = kept.iter().flat_map(|kept| std::iter::repeat_n(kept, CALLERS_OF_EACH));
    of_each.map(ask).collect()
}

/// Who connects before a server is told to stop may still stand in the kernel's line when it stops.
#[tokio::test(flavor = "multi_thread")]
async fn who_stands_in_line_when_a_server_is_told_to_stop_is_answered() {
    let world = World::with_client(P2).await;
    let kept = world.import().await;
    let server = world.serve(None).await;
    server.token(&world.http, &kept.grant).await.unwrap();
    server.process.signal(Signal::STOP);
    let address = server.address.trim_start_matches("http://");
    let request = format!(
        "GET /v1/grants/{}/token HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\r\n",
        kept.grant, server.key
    );
    let mut line = Vec::new();
    for _ in 0..32 {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        line.push(connection);
    }
    server.process.signal(Signal::TERM);
    server.process.signal(Signal::CONT);
    for mut connection in line {
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
    }
    server.process.finish().await.good();
}

/// Connections that are kept, as programs keep them.
const CONNECTIONS: usize = 64;

/// Answers before the server is told to stop: two seconds at 2,000 a second.
const UNDER_WAY: u64 = 4_000;

/// All of them together: 2,000 requests a second.
const PACE: Duration = Duration::from_millis(32);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_told_to_stop_under_a_stream_of_requests_fails_none_that_it_accepted_and_loses_no_refresh() {
    stopped_under_a_stream(None).await;
}

/// Between two requests a connection is idle: what the server says then is heard only with the next answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_told_to_stop_under_two_thousand_requests_a_second_fails_none_and_loses_no_refresh() {
    stopped_under_a_stream(Some(PACE)).await;
}

async fn stopped_under_a_stream(pace: Option<Duration>) {
    let world = World::with_client(P2).await;
    let fresh = world.import().await;
    let mut due = Vec::new();
    for _ in 0..GRANTS {
        due.push(world.import().await);
    }
    world.run(&["token", &fresh.grant]).await.good();
    let hold = world.provider.hold_answers(None).await;
    let mut server = world.serve(None).await;
    let answered = Arc::new(AtomicU64::new(0));
    let stream: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            tokio::spawn(ask_on(
                request(&server, &fresh),
                server.socket().to_owned(),
                pace,
                Arc::clone(&answered),
            ))
        })
        .collect();
    until("the stream flows", async || (answered.load(Ordering::Relaxed) > UNDER_WAY).then_some(())).await;
    let callers = callers(&world, &server.address, &server.key, &due);
    until("every refresh is held, and every caller waits", async || {
        let waiting = server.metric(&world.http, "evergrant_waiting_callers").await;
        (waiting == (GRANTS * CALLERS_OF_EACH) as u64 && hold.held().await == GRANTS as u64).then_some(())
    })
    .await;

    server.process.signal(Signal::TERM);
    server.process.says("stopping").await;
    hold.release().await;
    for connection in stream {
        connection.await.unwrap();
    }
    for caller in callers {
        let (grant, status, token) = caller.await.unwrap();
        assert_eq!(status, 200, "{grant}: a caller who was let in was sent away");
        assert_eq!(world.run(&["token", &grant]).await.good(), token);
    }
    server.process.finish().await.good();
    assert_eq!(world.provider.refreshes().await.len(), GRANTS + 1, "each grant was refreshed once");
    for Kept { grant, .. } in &due {
        assert_eq!(world.show(grant).await["state"], "active");
    }
}

fn request(server: &Server, kept: &Kept) -> String {
    let (address, grant, key) = (server.socket(), &kept.grant, &server.key);
    format!("GET /v1/grants/{grant}/token HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\r\n")
}

/// Sends one request after another over a connection that is kept, until an answer says that it was the last. No request
/// may go without its whole answer; after the last one, nobody is let in any more.
async fn ask_on(request: String, address: String, pace: Option<Duration>, answered: Arc<AtomicU64>) {
    let mut connection = BufReader::new(TcpStream::connect(&address).await.unwrap());
    let mut beat = pace.map(tokio::time::interval);
    loop {
        if let Some(beat) = &mut beat {
            beat.tick().await;
        }
        connection.write_all(request.as_bytes()).await.unwrap();
        let (status, last, body) = read_answer(&mut connection).await;
        assert_eq!(status, "HTTP/1.1 200 OK", "{body}");
        assert!(body.contains("access_token"), "{body}");
        answered.fetch_add(1, Ordering::Relaxed);
        if last {
            let refused = TcpStream::connect(&address).await.unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
            return;
        }
    }
}

/// The status line, whether it was the last answer, and the body.
async fn read_answer(connection: &mut BufReader<TcpStream>) -> (String, bool, String) {
    let (mut status, mut length, mut last) = (String::new(), 0, false);
    loop {
        let mut line = String::new();
        assert_ne!(connection.read_line(&mut line).await.unwrap(), 0, "hung up after {status:?}");
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            None if line.is_empty() => break,
            None => status = line.to_ascii_uppercase(),
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("connection", value)) => last = value == "close",
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.unwrap();
    (status, last, String::from_utf8(body).unwrap())
}
