//! What ten thousand listeners cost the server in memory, and how long an event takes to reach all of them.

use std::{
    convert::Infallible,
    env, fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{Router, body::Body, response::Response, routing::get};
use bytes::Bytes;
use futures_util::{StreamExt, future::join_all, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
    sync::broadcast,
};

use crate::{
    report::{instant, print},
    world::World,
};

const LISTENERS: usize = 10_000;

/// How the other process is told what to listen to.
const ADDRESS: &str = "EVERGRANT_BENCH_ADDRESS";
const REQUEST: &str = "EVERGRANT_BENCH_REQUEST";

/// What every listener waits for.
const EVENT: &str = "event: imported";

/// Many who listen, in a process of their own.
pub(crate) struct Crowd {
    address: String,
    request: String,
}

impl Crowd {
    pub(crate) fn from_environment() -> Option<Self> {
        Some(Self { address: env::var(ADDRESS).ok()?, request: env::var(REQUEST).ok()? })
    }

    /// Says when all are connected, and when all have heard the event.
    pub(crate) fn listen(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime can be started").block_on(async {
            let listeners: Vec<_> =
                stream::iter(0..LISTENERS).map(|_| self.connect()).buffer_unordered(100).collect().await;
            say("connected");
            join_all(listeners.into_iter().map(|stream| hear(stream, EVENT))).await;
            say("heard");
        });
    }

    async fn connect(&self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.expect("the server listens");
        stream.write_all(self.request.as_bytes()).await.expect("the server reads");
        hear(stream, "retry: 2000").await
    }
}

async fn hear(mut stream: TcpStream, text: &str) -> TcpStream {
    let (mut heard, mut buffer) = (String::new(), [0; 512]);
    while !heard.contains(text) {
        let bytes = stream.read(&mut buffer).await.expect("the server goes on");
        assert!(bytes > 0, "the stream ended: {heard}");
        heard.push_str(&String::from_utf8_lossy(&buffer[..bytes]));
    }
    stream
}

fn say(word: &str) {
    println!("{word}");
    std::io::stdout().flush().expect("somebody reads");
}

/// What one side costs.
struct Cost {
    /// Bytes of memory a listener.
    bytes: f64,
    /// From the event to the last listener.
    delay: Duration,
}

pub(crate) fn measure(runtime: &Runtime) {
    let world = runtime.block_on(World::start());
    let request = format!(
        "GET /v1/events HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\naccept: text/event-stream\r\n\r\n",
        world.address,
        world.key.expose()
    );
    let ours = cost(&world.address, &request, || runtime.block_on(world.import(0)));
    let (sender, address) = runtime.block_on(bare());
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let event = Bytes::from(format!("id: 1\n{EVENT}\ndata: {}\n\n", "x".repeat(200)));
    let yardstick = cost(&address, &request, || {
        sender.send(event.clone()).expect("all of them listen");
    });
    let detail = format!(
        "{:.1} KiB a listener, {:.1} KiB by a bare axum handler, {LISTENERS} listeners; an event reaches all within {:.0} ms, {:.0} ms",
        ours.bytes / 1024.0,
        yardstick.bytes / 1024.0,
        ours.delay.as_secs_f64() * 1e3,
        yardstick.delay.as_secs_f64() * 1e3
    );
    print("event_listeners.memory", ours.bytes / yardstick.bytes, ..=2.0, "byte/byte", &detail);
}

fn cost(address: &str, request: &str, happen: impl FnOnce()) -> Cost {
    let before = resident();
    let mut crowd = Command::new(env::current_exe().expect("this program has a path"))
        .env(ADDRESS, address)
        .env(REQUEST, request)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started once more");
    let mut words = words(&mut crowd);
    assert_eq!(words.next().as_deref(), Some("connected"));
    let bytes = (resident() - before) / count(LISTENERS);
    let began = instant();
    happen();
    assert_eq!(words.next().as_deref(), Some("heard"));
    let delay = began.elapsed();
    crowd.wait().expect("it ends by itself");
    Cost { bytes, delay }
}

fn words(crowd: &mut Child) -> impl Iterator<Item = String> + use<> {
    let output = crowd.stdout.take().expect("it was asked for");
    BufReader::new(output).lines().map(|line| line.expect("it speaks text"))
}

/// Bytes of this process in memory.
fn resident() -> f64 {
    let text = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
    let kibibytes: u32 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    f64::from(kibibytes) * 1024.0
}

#[expect(clippy::cast_precision_loss, reason = "ten thousand is exact")]
fn count(number: usize) -> f64 {
    number as f64
}

/// A handler that does nothing but hand out what comes.
async fn bare() -> (broadcast::Sender<Bytes>, String) {
    let (sender, _) = broadcast::channel(1024);
    let source = sender.clone();
    let handler = move || {
        let greeting = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"retry: 2000\n\n"))]);
        let events = stream::unfold(source.subscribe(), |mut events| async move {
            let event = events.recv().await.ok()?;
            Some((Ok(event), events))
        });
        std::future::ready(Response::new(Body::from_stream(greeting.chain(events))))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it listens").to_string();
    let router = Router::new().route("/", get(handler));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    (sender, address)
}
