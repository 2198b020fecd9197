//! Who asks.

use std::sync::Arc;

use evergrant::proto::name::GrantId;
use futures_util::future::join_all;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};
use tokio_rustls::TlsConnector;

use crate::{processor_time, report::instant};

/// Connections that are kept, each with one request under way.
pub(crate) const CONNECTIONS: usize = 64;

/// Requests of one connection in one turn.
const REQUESTS: usize = 1500;

/// How the server is spoken to.
#[derive(Clone)]
pub(crate) enum Way {
    Plain,
    Tls(TlsConnector),
}

/// A server, and what it is asked.
pub(crate) struct Target {
    address: String,
    requests: Vec<String>,
    way: Way,
}

/// What one turn of one side measured.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) per_second: f64,
    /// Microseconds of the server's processor for a request.
    pub(crate) processor: f64,
    /// Microseconds.
    pub(crate) slowest_hundredth: f64,
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Connections to a server, kept over all turns.
pub(crate) struct Loads {
    connections: Vec<Connection>,
    process: u32,
}

struct Connection {
    stream: Box<dyn Stream>,
    requests: Arc<Vec<String>>,
    /// The request that is next.
    next: usize,
    buffer: Vec<u8>,
}

impl Target {
    pub(crate) fn of(address: &str, key: &str, grants: &[GrantId], way: Way) -> Self {
        let request = |grant| {
            format!(
                "GET /v1/grants/{grant}/token HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\naccept: */*\r\n\r\n"
            )
        };
        Self { address: address.to_owned(), requests: grants.iter().map(request).collect(), way }
    }

    async fn connect(&self) -> Box<dyn Stream> {
        let stream = TcpStream::connect(&self.address).await.expect("it listens");
        stream.set_nodelay(true).expect("a socket takes options");
        match &self.way {
            Way::Plain => Box::new(stream),
            Way::Tls(connector) => {
                let name = ServerName::try_from("localhost").expect("a name");
                Box::new(connector.connect(name, stream).await.expect("the handshake succeeds"))
            }
        }
    }

    /// What is answered to the first request, all of it.
    pub(crate) async fn one_answer(&self) -> Vec<u8> {
        let mut connection = Connection::new(self.connect().await, Arc::new(self.requests[..1].to_vec()), 0);
        let length = connection.ask().await;
        connection.buffer.truncate(length);
        connection.buffer
    }
}

impl Loads {
    pub(crate) fn open(runtime: &Runtime, target: &Target, process: u32) -> Self {
        let requests = Arc::new(target.requests.clone());
        let apart = requests.len() / CONNECTIONS;
        let connect =
            async |number| Connection::new(target.connect().await, Arc::clone(&requests), number * apart);
        let connections = runtime.block_on(join_all((0..CONNECTIONS).map(connect)));
        Self { connections, process }
    }

    pub(crate) fn measure(&mut self, runtime: &Runtime) -> Load {
        let (processor, start) = (processor_time(self.process), instant());
        let work = self.connections.iter_mut().map(Connection::work);
        let mut delays: Vec<f64> = runtime.block_on(join_all(work)).concat();
        let (elapsed, processor) = (start.elapsed(), processor_time(self.process) - processor);
        let requests = count(delays.len());
        delays.sort_by(f64::total_cmp);
        Load {
            per_second: requests / elapsed.as_secs_f64(),
            processor: micros(processor) / requests,
            slowest_hundredth: delays[delays.len() * 99 / 100],
        }
    }
}

impl Connection {
    fn new(stream: Box<dyn Stream>, requests: Arc<Vec<String>>, next: usize) -> Self {
        Self { stream, requests, next, buffer: vec![0; 16 * 1024] }
    }

    /// The delay of each request in microseconds.
    async fn work(&mut self) -> Vec<f64> {
        let mut delays = Vec::with_capacity(REQUESTS);
        for _ in 0..REQUESTS {
            let start = instant();
            self.ask().await;
            delays.push(start.elapsed().as_secs_f64() * 1e6);
        }
        delays
    }

    /// The length of the whole answer, which is at the beginning of the buffer then.
    async fn ask(&mut self) -> usize {
        let request = &self.requests[self.next % self.requests.len()];
        self.next += 1;
        self.stream.write_all(request.as_bytes()).await.expect("it reads");
        self.stream.flush().await.expect("it reads");
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await.expect("it answers");
            assert!(read > 0, "it hung up");
            filled += read;
            if length(&self.buffer[..filled]).is_some_and(|length| length == filled) {
                return filled;
            }
        }
    }
}

/// The length of an answer whose head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(answer));
    let text = std::str::from_utf8(&answer[..head]).expect("a head is text");
    let value = text.split_once("content-length: ").expect("it tells its length").1;
    let body: usize = value.split("\r\n").next().and_then(|digits| digits.parse().ok()).expect("a number");
    Some(head + body)
}

#[expect(clippy::cast_precision_loss, reason = "some hundred thousand are exact")]
fn count(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "some seconds in nanoseconds are exact enough")]
fn micros(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}
