//! A TCP server that answers with given bytes, and remembers what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What is played to every request.
#[derive(Debug, Clone)]
pub(crate) enum Play {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, then silence on an open connection.
    ThenSilence(Vec<u8>),
    /// The head, then this piece of a body without end, as fast as it is taken.
    Endless { head: Vec<u8>, piece: Vec<u8> },
}

impl Play {
    /// An answer that is framed properly, whatever is in it.
    pub(crate) fn answer(status: &str, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::with_headers(status, &format!("content-type: {content_type}\r\n"), body)
    }

    /// The same with any headers, each ended by a line break.
    pub(crate) fn with_headers(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = body.len();
        let mut bytes =
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n").into_bytes();
        bytes.extend_from_slice(body);
        Self::Bytes(bytes)
    }
}

/// The server. It ends with the runtime of its test.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    pub(crate) address: SocketAddr,
    play: Arc<Mutex<Play>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let provider = Self {
            address: listener.local_addr().unwrap(),
            play: Arc::new(Mutex::new(Play::Bytes(Vec::new()))),
            requests: Arc::default(),
        };
        let server = provider.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(server.clone().serve(connection));
            }
        });
        provider
    }

    pub(crate) fn plays(&self, play: Play) {
        *self.play.lock().unwrap() = play;
    }

    /// Heads and bodies of all requests, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    async fn serve(self, mut connection: TcpStream) {
        let request = read_request(&mut connection).await;
        self.requests.lock().unwrap().push(request);
        let play = self.play.lock().unwrap().clone();
        // The other side may have heard enough at any time.
        let _ = match play {
            Play::Bytes(bytes) => connection.write_all(&bytes).await,
            Play::ThenSilence(bytes) => {
                let _ = connection.write_all(&bytes).await;
                connection.read_u8().await.map(drop)
            }
            Play::Endless { head, piece } => {
                let mut written = connection.write_all(&head).await;
                while written.is_ok() {
                    written = connection.write_all(&piece).await;
                }
                written
            }
        };
    }
}

async fn read_request(connection: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while connection.read_buf(&mut read).await.unwrap_or(0) > 0 {
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            break;
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}
