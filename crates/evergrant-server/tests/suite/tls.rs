//! The server with a certificate: what callers see of it, and what becomes of it when it is renewed or stops.

use std::{fs, path::Path, sync::Arc, time::Duration};

use evergrant_server::{Tls, TlsFiles};
use rcgen::{CertificateParams, KeyPair};
use reqwest::Method;
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::world::World;

struct Secured {
    world: World,
    folder: TempDir,
    /// Every certificate that was ever made here.
    roots: RootCertStore,
}

impl Secured {
    async fn with(change: impl FnOnce(&mut evergrant_server::ServerConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(issue(folder.path())).unwrap();
        let tls = Arc::new(Tls::load(files(folder.path())).unwrap());
        let world = World::with(|config| {
            config.tls = Some(tls);
            change(config);
        })
        .await;
        Self { world, folder, roots }
    }

    fn address(&self) -> &str {
        self.world.url.strip_prefix("http://").unwrap()
    }

    async fn connect(&self, version: &'static SupportedProtocolVersion) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address()).await.unwrap();
        self.handshake(stream, version).await
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        version: &'static SupportedProtocolVersion,
    ) -> TlsStream<TcpStream> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }

    /// The certificate that a new connection sees.
    async fn certificate(&self) -> CertificateDer<'static> {
        let stream = self.connect(&TLS13).await;
        stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("chain.pem"), key: folder.join("key.pem") }
}

/// Puts a new certificate there.
fn issue(folder: &Path) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(files(folder).key, key.serialize_pem()).unwrap();
    fs::write(files(folder).certificate, certificate.pem()).unwrap();
    CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap()
}

/// Asks over a connection that is kept, and gives the head of the answer and its body.
async fn ask(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) -> String {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

/// Waits until nothing is accepted there any more.
async fn until_closed(address: &str) {
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_are_answered_over_either_version_of_tls_and_http_1_1_only() {
    let server = Secured::with(|_| {}).await;
    for version in [&TLS12, &TLS13] {
        let mut stream = server.connect(version).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 "));
        // The connection is kept.
        assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test]
async fn who_speaks_no_tls_learns_nothing() {
    let server = Secured::with(|_| {}).await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A reset says as little.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("ok") && answer.len() < 16, "{answer:?}");
}

#[tokio::test]
async fn a_caller_that_does_not_finish_its_handshake_is_hung_up_on() {
    let server = Secured::with(|config| config.patience = Duration::from_millis(20)).await;
    // Nothing at all, and the beginning of a record.
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        // It ends by itself.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.len() < 16);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_served_without_a_restart_and_ends_no_connection() {
    let mut server = Secured::with(|_| {}).await;
    let before = server.certificate().await;
    let mut kept = server.connect(&TLS13).await;
    let renewed = issue(server.folder.path());
    server.roots.add(renewed.clone()).unwrap();
    loop {
        let seen = server.certificate().await;
        if seen == renewed {
            break;
        }
        assert_eq!(seen, before);
        server.world.clock.advance(Duration::from_secs(1));
    }
    assert!(ask(&mut kept).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_renewal_is_told_once_and_the_old_certificate_is_served_on() {
    let server = Secured::with(|_| {}).await;
    let before = server.certificate().await;
    fs::write(files(server.folder.path()).certificate, "nothing of the kind").unwrap();
    let path = files(server.folder.path()).certificate.display().to_string();
    let told = || crate::log::text().lines().filter(|line| line.contains(&path)).count();
    while told() == 0 {
        server.world.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    server.world.clock.advance(Duration::from_secs(120));
    assert_eq!(server.certificate().await, before);
    assert_eq!(told(), 1, "the same broken file is not told again");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_stop_a_request_that_is_on_its_way_over_tls_is_answered_and_told_that_it_was_the_last() {
    let mut server = Secured::with(|config| config.linger = Duration::from_secs(60)).await;
    let mut kept = server.connect(&TLS13).await;
    ask(&mut kept).await;
    // Accepted, without a byte of its handshake.
    let fresh = TcpStream::connect(server.address()).await.unwrap();
    server.world.stop.take().unwrap().send(()).unwrap();
    until_closed(server.address()).await;
    let mut fresh = server.handshake(fresh, &TLS13).await;
    for stream in [&mut kept, &mut fresh] {
        let answer = ask(stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
        let mut rest = Vec::new();
        assert_eq!(stream.read_to_end(&mut rest).await.unwrap(), 0, "closed as TLS wants it");
    }
    server.world.serving.take().unwrap().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_stop_a_kept_connection_gets_one_more_answer_and_an_idle_one_is_not_waited_for() {
    let mut world = World::with(|config| config.linger = Duration::from_millis(200)).await;
    let address = world.url.strip_prefix("http://").unwrap().to_owned();
    let mut idle = TcpStream::connect(&address).await.unwrap();
    ask(&mut idle).await;
    world.stop.take().unwrap().send(()).unwrap();
    // Ends although the connection is still there.
    world.serving.take().unwrap().await.unwrap();
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).await.unwrap(), 0);

    let mut world = World::with(|config| config.linger = Duration::from_secs(60)).await;
    let address = world.url.strip_prefix("http://").unwrap().to_owned();
    let mut kept = TcpStream::connect(&address).await.unwrap();
    assert!(!ask(&mut kept).await.contains("connection: close"));
    world.stop.take().unwrap().send(()).unwrap();
    until_closed(&address).await;
    assert!(ask(&mut kept).await.contains("connection: close"));
    world.serving.take().unwrap().await.unwrap();
}
#[tokio::test]
async fn the_end_of_the_certificate_is_a_metric() {
    let server = Secured::with(|_| {}).await;
    let mut stream = server.connect(&TLS13).await;
    let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    // What the generator of certificates writes when nobody says otherwise: 4096-01-01.
    assert!(page.contains("evergrant_tls_certificate_expiry_timestamp_seconds 67090118400\n"), "{page}");
    let plain = World::empty().await.browse(Method::GET, "/metrics").await;
    assert!(!plain.body.contains("evergrant_tls"));
}
