//! Exchanges through an egress proxy.

use std::sync::Arc;

use tokio::{
    io::{AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};

use super::{
    CANARY, Kind, RequestSent, assert_failed, local_config,
    peer::{Authority, Names, Peer, accept_tls, read_request, serve_one},
    send,
};
use crate::http::{EgressConfig, EgressProxy, HttpClient};

fn config_with(proxy: &Peer) -> EgressConfig {
    let proxy = EgressProxy::parse(&format!("http://me:{CANARY}@{}", proxy.address())).unwrap();
    EgressConfig { proxy: Some(proxy), ..local_config() }
}

#[tokio::test]
async fn a_tunnel_carries_the_exchange_and_the_proxy_resolves_the_name() {
    let (authority, provider, proxy) = (Authority::new(), Peer::listen().await, Peer::listen().await);
    let acceptor = authority.server("provider.test", false);
    let names = Names::of("other.test", &[]);
    let config = EgressConfig { ca_bundle: Some(authority.pem()), ..config_with(&proxy) };
    let client = HttpClient::with_resolver(config, Arc::clone(&names) as _).unwrap();
    let proxying = async {
        let mut inner = proxy.accept().await;
        let asked = read_request(&mut inner).await;
        inner.write_all(b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n").await.unwrap();
        let mut outer = TcpStream::connect(provider.address()).await.unwrap();
        let tunnelling = tokio::spawn(async move { copy_bidirectional(&mut inner, &mut outer).await });
        let request = serve_one(&mut accept_tls(&provider, &acceptor).await.unwrap()).await;
        drop(tunnelling);
        (asked, request)
    };
    let (answer, (asked, request)) = tokio::join!(send(&client, "https://provider.test/token"), proxying);
    assert_eq!(answer.unwrap().status, 200);
    assert!(
        asked.starts_with("CONNECT provider.test:443 HTTP/1.1\r\nhost: provider.test:443\r\n"),
        "{asked}"
    );
    assert!(asked.contains("\r\nproxy-authorization: Basic "));
    assert!(!request.contains("proxy-authorization"));
    assert_eq!(names.asked(), 0);
}

#[tokio::test]
async fn a_tunnel_that_is_not_opened_sent_nothing() {
    for refusal in [
        "HTTP/1.1 403 Forbidden\r\n\r\n",
        "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: /\r\n\r\n",
        "220 mail.test ESMTP\r\n\r\n",
        "HTTP/1.1 200",
        "",
        &"x".repeat(9000),
    ] {
        let proxy = Peer::listen().await;
        let client = HttpClient::new(config_with(&proxy)).unwrap();
        let proxying = async {
            let mut stream = proxy.accept().await;
            read_request(&mut stream).await;
            let _ = stream.write_all(refusal.as_bytes()).await;
        };
        let (answer, ()) = tokio::join!(send(&client, "https://provider.test/token"), proxying);
        assert_failed(answer, Kind::Connect, RequestSent::No);
    }
}

#[tokio::test]
async fn a_proxy_that_is_gone_sent_nothing() {
    let proxy = Peer::listen().await;
    let client = HttpClient::new(config_with(&proxy)).unwrap();
    drop(proxy);
    assert_failed(send(&client, "https://provider.test/token").await, Kind::Connect, RequestSent::No);
}

#[tokio::test]
async fn a_private_literal_is_not_even_named_to_the_proxy() {
    let proxy = Peer::listen().await;
    let client = HttpClient::new(EgressConfig { allow_loopback_http: false, ..config_with(&proxy) }).unwrap();
    for url in ["https://10.0.0.1/token", "https://[fd00::1]/token", "https://localhost/token"] {
        assert_failed(send(&client, url).await, Kind::Forbidden, RequestSent::No);
    }
}

#[tokio::test]
async fn allowed_loopback_is_reached_directly_and_not_through_the_proxy() {
    let (provider, proxy) = (Peer::listen().await, Peer::listen().await);
    let client = HttpClient::new(config_with(&proxy)).unwrap();
    let serving = async { serve_one(&mut provider.accept().await).await };
    assert!(tokio::join!(send(&client, provider.url()), serving).0.is_ok());
}
