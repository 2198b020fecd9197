//! Callers that take their time: heads and bodies byte by byte, nothing at all, answers that nobody reads. Each costs the
//! server a connection for as long as it is patient, and nobody else anything.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    process::Command,
};

use crate::{
    process::until,
    provider::P2,
    world::{Kept, Server, World},
};

/// Callers of each kind: together fewer than the system lets stand in line, beyond which it forgets who has connected.
const CALLERS: usize = 50;

/// Often enough that no byte is late.
const DRIP: Duration = Duration::from_millis(50);

const PATIENCE: [&str; 4] = ["--patience", "1", "--body-rate", "1000"];

async fn serving() -> (World, Kept, Server) {
    let world = World::with_client(P2).await;
    let kept = world.import().await;
    let server = world.serve_with(None, &PATIENCE).await;
    (world, kept, server)
}

/// Asks for tokens until `other` has ended: each is answered.
async fn asking<T>(world: &World, server: &Server, kept: &Kept, other: impl Future<Output = T>) -> T {
    let mut other = std::pin::pin!(other);
    loop {
        let (status, body) = server.token(&world.http, &kept.grant).await.unwrap();
        assert_eq!(status, 200, "{body}");
        if let Ok(ended) = tokio::time::timeout(DRIP, &mut other).await {
            return ended;
        }
    }
}

/// No connection is left but those of whoever looks.
async fn nobody_is_left(world: &World, server: &Server) {
    until("all of them were hung up on", async || {
        (server.metric(&world.http, "evergrant_http_connections").await <= 2).then_some(())
    })
    .await;
}

/// Says the beginning at once and then a letter now and then, until the server hangs up; what it answered.
async fn drip(server: &Server, beginning: String) -> String {
    let (mut read, mut write) = TcpStream::connect(server.socket()).await.unwrap().into_split();
    let dripping = async {
        // That it is hung up on, the reading half notices.
        let mut sent = write.write_all(beginning.as_bytes()).await;
        while sent.is_ok() {
            tokio::time::sleep(DRIP).await;
            sent = write.write_all(b"x").await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        // What was sent and not read makes a reset of the end.
        _ = read.read_to_end(&mut answer) => String::from_utf8(answer).unwrap(),
        () = dripping => unreachable!("it only sends"),
    }
}

fn body(server: &Server, path: &str, kind: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: {kind}\r\ncontent-length: 60000\r\n\r\n",
        server.key
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_bodies_that_drip_are_hung_up_on_and_others_are_served_meanwhile() {
    let (world, kept, server) = serving().await;
    let heads = (0..CALLERS).map(|_| drip(&server, "GET /v1/clients HTTP/1.1\r\nx-slow: ".to_owned()));
    let bodies = (0..CALLERS).map(|number| {
        let path = ["/v1/clients", "/v1/grants", "/v1/authorizations", "/v1/api-keys"][number % 4];
        drip(&server, body(&server, path, "application/json") + "{\"name\":\"")
    });
    let all = async { tokio::join!(join_all(heads), join_all(bodies)) };
    let (heads, bodies) = asking(&world, &server, &kept, all).await;
    assert!(heads.iter().all(String::is_empty), "{heads:?}");
    // The answer may be lost with what was sent after it.
    let told = |answer: &&String| answer.starts_with("HTTP/1.1 400 ") && answer.contains("too slowly");
    assert!(bodies.iter().all(|answer| answer.is_empty() || told(&answer)), "{bodies:?}");
    assert!(bodies.iter().any(|answer| told(&answer)), "nobody was told");
    nobody_is_left(&world, &server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_say_nothing_or_read_nothing_are_hung_up_on_and_others_are_served_meanwhile() {
    let (world, kept, server) = serving().await;
    let silent = (0..CALLERS).map(|_| async {
        let mut stream = TcpStream::connect(server.socket()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer.is_empty()
    });
    let deaf = (0..CALLERS / 5).map(|_| deaf(&server));
    let all = async { tokio::join!(join_all(silent), join_all(deaf)) };
    let (silent, _) = asking(&world, &server, &kept, all).await;
    assert!(silent.into_iter().all(|hung_up| hung_up));
    nobody_is_left(&world, &server).await;
}

/// Asks and asks and reads nothing, until the server hangs up.
async fn deaf(server: &Server) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.socket().parse().unwrap()).await.unwrap();
    while stream.write_all(b"GET /problems HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok() {}
}

/// Descriptors of a server that has hardly any: half of them are for connections.
const FEW: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_fill_all_places_leave_refreshes_their_descriptors_and_others_their_turn() {
    let world = World::with_client(P2).await;
    let kept = world.import().await;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("ulimit -n {FEW}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_evergrant")]);
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(PATIENCE);
    world.dress(&mut command, &world.store());
    let server = world.serve_by(command, None).await;
    let silent = async {
        let connect = |_| TcpStream::connect(server.socket());
        let streams = join_all((0..FEW + CALLERS).map(connect)).await;
        join_all(streams.into_iter().map(|stream| async {
            let _ = stream.unwrap().read_to_end(&mut Vec::new()).await;
        }))
        .await;
    };
    let refreshed = async {
        // The first token of a grant: it needs the store and the provider.
        let (status, body) = server.token(&world.http, &kept.grant).await.unwrap();
        assert_eq!(status, 200, "{body}");
    };
    tokio::join!(silent, refreshed);
    nobody_is_left(&world, &server).await;
}
