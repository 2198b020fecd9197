//! The other end of the wire.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::BoxFuture;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer, server::WebPkiClientVerifier};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::http::resolve::Resolver;

/// A listener on loopback whose connections a test answers by hand.
pub(super) struct Peer {
    listener: TcpListener,
}

impl Peer {
    pub(super) async fn listen() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/token", self.address())
    }

    pub(super) async fn accept(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// Accepts one connection, reads one request, writes `answer` and closes.
    pub(super) async fn answer_once(&self, answer: &[u8]) -> String {
        let mut stream = self.accept().await;
        let request = read_request(&mut stream).await;
        stream.write_all(answer).await.unwrap();
        request
    }
}

/// One whole request: head, and as much body as it announces.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        request.push(char::from(stream.read_u8().await.unwrap()));
    }
    let length = request.lines().find_map(|line| line.strip_prefix("content-length: "));
    for _ in 0..length.map_or(0, |length| length.parse().unwrap()) {
        request.push(char::from(stream.read_u8().await.unwrap()));
    }
    request
}

/// Answers one request with 200 and leaves the connection open.
pub(super) async fn serve_one(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    let request = read_request(stream).await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    stream.flush().await.unwrap();
    request
}

/// A certificate authority made for one test.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(parameters, key).unwrap() }
    }

    pub(super) fn pem(&self) -> Vec<u8> {
        self.issuer.pem().into_bytes()
    }

    /// A TLS server for `name`; it wants a certificate of its clients if `mutual`.
    pub(super) fn server(&self, name: &str, mutual: bool) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if mutual {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Accepts one connection and its TLS handshake.
pub(super) async fn accept_tls(peer: &Peer, acceptor: &TlsAcceptor) -> io::Result<TlsStream<TcpStream>> {
    acceptor.accept(peer.accept().await).await
}

/// A resolver that knows what it was told, and counts how often it was asked.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<&'static str, Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names {
    pub(super) fn of(name: &'static str, addresses: &[&str]) -> Arc<Self> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { known: HashMap::from([(name, addresses)]), asked: AtomicUsize::new(0) })
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = self.known.get(name).cloned();
        Box::pin(async move { found.ok_or_else(|| io::Error::other("no such name")) })
    }
}
