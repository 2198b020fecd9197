//! Exchanges over TLS.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use evergrant_proto::time::Timestamp;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    Kind, RequestSent, assert_failed,
    peer::{Authority, Names, Peer, accept_tls, read_request, serve_one},
    send, token_request,
};
use crate::{
    clock::{Clock, ManualClock},
    http::{EgressConfig, HttpClient, resolve::Resolver},
};

/// A client that trusts `authority`, reaches 127.0.0.0/8 and finds `provider.test` there.
fn client_of(authority: &Authority) -> HttpClient {
    let names = Names::of("provider.test", &["127.0.0.1"]);
    HttpClient::with_resolver(config_of(authority), names).unwrap()
}

fn config_of(authority: &Authority) -> EgressConfig {
    EgressConfig {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        ca_bundle: Some(authority.pem()),
        ..EgressConfig::default()
    }
}

fn url_of(peer: &Peer) -> String {
    format!("https://provider.test:{}/token", peer.address().port())
}

#[tokio::test]
async fn a_provider_of_a_listed_network_with_a_certificate_of_the_bundle_is_reached() {
    let (authority, peer) = (Authority::new(), Peer::listen().await);
    let acceptor = authority.server("provider.test", false);
    let names = Names::of("provider.test", &["127.0.0.1"]);
    let client = HttpClient::with_resolver(config_of(&authority), Arc::clone(&names) as _).unwrap();
    let serving = async {
        let mut stream = accept_tls(&peer, &acceptor).await.unwrap();
        assert_eq!(stream.get_ref().1.server_name(), Some("provider.test"));
        assert_eq!(stream.get_ref().1.alpn_protocol(), None);
        serve_one(&mut stream).await
    };
    let url = url_of(&peer);
    let (answer, request) = tokio::join!(send(&client, &url), serving);
    assert_eq!(answer.unwrap().status, 200);
    assert!(request.contains(&format!("host: provider.test:{}\r\n", peer.address().port())));
    // Vetted once and connected to what was vetted: the name is not asked for again.
    assert_eq!(names.asked(), 1);
}

#[tokio::test]
async fn requests_over_tls_share_a_connection() {
    let (authority, peer) = (Authority::new(), Peer::listen().await);
    let acceptor = authority.server("provider.test", false);
    let client = client_of(&authority);
    let serving = async {
        let mut stream = accept_tls(&peer, &acceptor).await.unwrap();
        serve_one(&mut stream).await;
        serve_one(&mut stream).await;
    };
    let sending = async {
        assert!(send(&client, &url_of(&peer)).await.is_ok());
        assert!(send(&client, &url_of(&peer)).await.is_ok());
    };
    tokio::join!(sending, serving);
}

#[tokio::test]
async fn a_certificate_of_a_stranger_or_for_another_name_fails_before_the_request() {
    let (trusted, stranger) = (Authority::new(), Authority::new());
    for acceptor in [stranger.server("provider.test", false), trusted.server("other.test", false)] {
        let peer = Peer::listen().await;
        let client = client_of(&trusted);
        let url = url_of(&peer);
        let (answer, accepted) = tokio::join!(send(&client, &url), accept_tls(&peer, &acceptor));
        assert_failed(answer, Kind::Tls, RequestSent::No);
        assert!(accepted.is_err());
    }
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls_fails_before_the_request() {
    let (authority, peer) = (Authority::new(), Peer::listen().await);
    let client = client_of(&authority);
    let serving = async {
        let mut stream = peer.accept().await;
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream
    };
    let url = url_of(&peer);
    let (answer, _stream) = tokio::join!(send(&client, &url), serving);
    assert_failed(answer, Kind::Tls, RequestSent::No);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut_off_and_sent_nothing() {
    let (authority, peer) = (Authority::new(), Peer::listen().await);
    let client = client_of(&authority);
    let serving = async {
        let mut stream = peer.accept().await;
        stream.read_u8().await.unwrap();
        tokio::time::pause();
        stream
    };
    let url = url_of(&peer);
    let (answer, _stream) = tokio::join!(send(&client, &url), serving);
    assert_failed(answer, Kind::Tls, RequestSent::No);
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_refuses_after_the_request() {
    let (authority, peer) = (Authority::new(), Peer::listen().await);
    let acceptor = authority.server("provider.test", true);
    let client = client_of(&authority);
    let serving = async {
        // The socket stays open after the alert, so that no reset overtakes it.
        let socket = peer.accept().await;
        acceptor.accept(socket).into_fallible().await.err().map(|(_, socket)| socket)
    };
    let url = url_of(&peer);
    // In TLS 1.3 the client's handshake ends before the server has judged it.
    let (answer, _socket) = tokio::join!(send(&client, &url), serving);
    assert_failed(answer, Kind::Tls, RequestSent::Maybe);
}

#[tokio::test]
async fn a_body_without_length_that_ends_without_close_notify_is_not_trusted_to_be_whole() {
    let (authority, peer) = (Authority::new(), Peer::listen().await);
    let acceptor = authority.server("provider.test", false);
    let client = client_of(&authority);
    let serving = async {
        let mut stream = accept_tls(&peer, &acceptor).await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\naccess_token=a").await.unwrap();
        stream.flush().await.unwrap();
    };
    let url = url_of(&peer);
    let (answer, ()) = tokio::join!(send(&client, &url), serving);
    assert_failed(answer, Kind::Reset, RequestSent::Maybe);
}

/// A resolver during whose look-up time passes.
#[derive(Debug)]
struct SlowNames {
    names: Arc<Names>,
    clock: ManualClock,
}

impl Resolver for SlowNames {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.clock.advance(Duration::from_secs(6));
        self.names.resolve(name)
    }
}

#[tokio::test]
async fn a_request_that_became_too_late_while_connecting_is_not_written() {
    let (authority, peer) = (Authority::new(), Peer::listen().await);
    let acceptor = authority.server("provider.test", false);
    let clock = ManualClock::starting_at(Timestamp::from_seconds(1_800_000_000));
    let names = SlowNames { names: Names::of("provider.test", &["127.0.0.1"]), clock: clock.clone() };
    let client = HttpClient::with_resolver(config_of(&authority), Arc::new(names)).unwrap();
    let not_after = clock.moment().plus(Duration::from_secs(5));
    let request = token_request(&url_of(&peer));
    let serving = async {
        let mut stream = accept_tls(&peer, &acceptor).await.unwrap();
        stream.read_u8().await.expect_err("no byte of the request may arrive")
    };
    let sending = client.send(request, not_after, Duration::from_secs(30), &clock);
    let (answer, _) = tokio::join!(sending, serving);
    assert_failed(answer, Kind::TooLate, RequestSent::No);
}
