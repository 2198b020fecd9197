//! The yardsticks.

use std::{
    convert::Infallible,
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, Request, StatusCode},
    response::Response,
    routing::get,
};
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::broadcast,
};

use crate::{count, messages::MESSAGES, program::Server, report::instant};

const ROLE: &str = "EVERGRANT_BENCH_YARDSTICK";

/// As many as the courier has deliveries under way to one webhook.
pub(crate) const CONNECTIONS: usize = 16;

/// One message as it arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What this program does as a process of its own.
pub(crate) enum Yardstick {
    /// Hands out what is posted to it to all who listen.
    Tell,
    /// Posts messages, and says how many a second.
    Post { database: PathBuf, address: String, sample: Sample },
}

fn command(role: &Value) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command.env_clear().stdin(Stdio::null()).env(ROLE, role.to_string());
    command
}

/// The one that is listened to.
pub(crate) fn listened_to() -> Server {
    Server::start(command(&Value::Null))
}

/// Messages a second by the one that posts.
pub(crate) fn posted(folder: &Path, address: &str, sample: &Sample) -> f64 {
    let headers: Vec<_> = sample
        .headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("webhook-") || name.as_str() == "content-type")
        .map(|(name, value)| (name.as_str(), value.to_str().expect("a header of text")))
        .collect();
    let body = std::str::from_utf8(&sample.body).expect("a body of JSON");
    let role = json!({
        "database": folder.join("yardstick.sqlite"), "address": address, "headers": headers, "body": body,
    });
    let output = command(&role).stderr(Stdio::inherit()).output().expect("this program can be started");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("it says a number")
}

impl Yardstick {
    pub(crate) fn from_environment() -> Option<Self> {
        let role: Value = serde_json::from_str(&env::var(ROLE).ok()?).ok()?;
        let text = |name: &str| role[name].as_str().map(str::to_owned);
        let Some(address) = text("address") else { return Some(Self::Tell) };
        let pairs: Vec<(String, String)> = serde_json::from_value(role["headers"].clone()).ok()?;
        let header =
            |(name, value): (String, String)| Some((name.parse::<HeaderName>().ok()?, value.parse().ok()?));
        let headers = pairs.into_iter().filter_map(header).collect();
        let sample = Sample { headers, body: text("body")?.into() };
        Some(Self::Post { database: text("database")?.into(), address, sample })
    }

    pub(crate) fn run(self) {
        let runtime = Runtime::new().expect("a runtime can be started");
        match self {
            Self::Tell => runtime.block_on(tell()),
            Self::Post { database, address, sample } => {
                let journal = Arc::new(Mutex::new(journal(&database)));
                let began = instant();
                runtime.block_on(async {
                    let connections = (0..CONNECTIONS).map(|number| {
                        tokio::spawn(post_all(number, address.clone(), sample.clone(), Arc::clone(&journal)))
                    });
                    for ended in futures_util::future::join_all(connections).await {
                        ended.expect("every connection comes to its end");
                    }
                });
                println!("{}", count(MESSAGES) / began.elapsed().as_secs_f64());
            }
        }
    }
}

/// A table with a row for each message, written as durably as the store is.
fn journal(database: &Path) -> Connection {
    let connection = Connection::open(database).expect("the folder can be written");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS deliveries (message INTEGER PRIMARY KEY, state TEXT NOT NULL);",
        )
        .expect("settings and a table");
    connection
}

async fn post_all(number: usize, address: String, sample: Sample, journal: Arc<Mutex<Connection>>) {
    let stream = TcpStream::connect(&address).await.expect("the receiver listens");
    stream.set_nodelay(true).expect("a socket takes options");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
    tokio::spawn(connection);
    for message in (number..MESSAGES).step_by(CONNECTIONS) {
        let mut request = Request::post("/hook").header("host", &address);
        request.headers_mut().expect("a valid request").extend(sample.headers.clone());
        let request = request.body(Full::new(sample.body.clone())).expect("a valid request");
        sender.ready().await.expect("the connection is kept");
        let answer = sender.send_request(request).await.expect("it answers");
        answer.into_body().collect().await.expect("it answers");
        let journal = Arc::clone(&journal);
        let write = move || {
            journal
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .execute(
                    "INSERT OR REPLACE INTO deliveries VALUES (?1, 'delivered')",
                    [i64::try_from(message).expect("a small number")],
                )
                .expect("it is written");
        };
        tokio::task::spawn_blocking(write).await.expect("it is written");
    }
}

/// A handler that does nothing but hand out what comes.
async fn tell() {
    let (sender, _) = broadcast::channel::<Bytes>(1024);
    let router = Router::new()
        .route("/v1/events", get(listen))
        .route("/", axum::routing::post(happen))
        .with_state(sender);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    println!("listening on {}", listener.local_addr().expect("it listens"));
    std::io::stdout().flush().expect("somebody reads");
    axum::serve(listener, router).await.expect("it serves");
}

async fn listen(State(sender): State<broadcast::Sender<Bytes>>) -> Response {
    let greeting = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"retry: 2000\n\n"))]);
    let events = stream::unfold(sender.subscribe(), |mut events| async move {
        let event = events.recv().await.ok()?;
        Some((Ok(event), events))
    });
    Response::new(Body::from_stream(greeting.chain(events)))
}

async fn happen(State(sender): State<broadcast::Sender<Bytes>>, event: Bytes) -> StatusCode {
    sender.send(event).map_or(StatusCode::NOT_FOUND, |_| StatusCode::NO_CONTENT)
}
