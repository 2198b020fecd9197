//! The yardstick: a bare axum handler that hashes and checks a key, and returns bytes.

use std::{
    env, io,
    io::Write as _,
    net::SocketAddr,
    process::{Command, Stdio},
};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::{Listener, ListenerExt},
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::tls::Pair;

const ROLE: &str = "EVERGRANT_BENCH_YARDSTICK";
const KEY: &str = "EVERGRANT_BENCH_KEY";
const TLS: &str = "EVERGRANT_BENCH_TLS";

/// What it does as a process of its own.
pub(crate) struct Yardstick {
    answer: Answer,
    pair: Option<Pair>,
}

/// Who is answered what.
#[derive(Clone)]
struct Answer {
    digest: [u8; 32],
    headers: HeaderMap,
    body: Bytes,
}

/// This program as the yardstick that gives this answer.
pub(crate) fn command(key: &str, answer: &[u8], pair: Option<&Pair>) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command.env_clear().stdin(Stdio::null()).env(KEY, key);
    command.env(ROLE, std::str::from_utf8(answer).expect("an answer is text"));
    if let Some(pair) = pair {
        command.env(TLS, format!("{}\n{}", pair.certificate, pair.key));
    }
    command
}

impl Yardstick {
    pub(crate) fn from_environment() -> Option<Self> {
        let (head, body) = env::var(ROLE)
            .ok()?
            .split_once("\r\n\r\n")
            .map(|(head, body)| (head.to_owned(), body.to_owned()))?;
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(": ")).filter_map(header);
        let answer =
            Answer { digest: hash(&env::var(KEY).ok()?), headers: headers.collect(), body: body.into() };
        let pair = env::var(TLS).ok().and_then(|files| {
            let (certificate, key) = files.split_once('\n')?;
            Some(Pair { certificate: certificate.to_owned(), key: key.to_owned() })
        });
        Some(Self { answer, pair })
    }

    /// Serves until it is killed.
    pub(crate) fn serve(self) {
        Runtime::new().expect("a runtime can be started").block_on(async {
            let router =
                Router::new().route("/v1/grants/{grant}/token", get(respond)).with_state(self.answer);
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            println!("listening on {}", listener.local_addr().expect("it listens"));
            io::stdout().flush().expect("somebody reads");
            let serving = match self.pair {
                None => {
                    let listener = listener.tap_io(|stream| {
                        stream.set_nodelay(true).expect("a socket takes options");
                    });
                    axum::serve(listener, router).await
                }
                Some(pair) => axum::serve(Tls { listener, acceptor: pair.acceptor() }, router).await,
            };
            serving.expect("it serves");
        });
    }
}

/// The headers that are sent by the server itself, and not by what is below it.
fn header((name, value): (&str, &str)) -> Option<(HeaderName, HeaderValue)> {
    let name: HeaderName = name.parse().ok()?;
    let below = [header::DATE, header::CONTENT_LENGTH].contains(&name);
    (!below).then_some((name, value.parse().ok()?))
}

fn hash(key: &str) -> [u8; 32] {
    digest::digest(&digest::SHA256, key.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

async fn respond(State(answer): State<Answer>, headers: HeaderMap) -> Response {
    let presented = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = presented.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if verify_slices_are_equal(&hash(key), &answer.digest).is_err() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    (answer.headers, answer.body).into_response()
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = self.listener.accept().await.expect("the system accepts");
        stream.set_nodelay(true).expect("a socket takes options");
        (self.acceptor.accept(stream).await.expect("the handshake succeeds"), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
