//! What is refused before anything is contacted.

use std::sync::Arc;

use super::{
    Kind, RequestSent, assert_failed, local_client, local_config,
    peer::{Names, Peer},
    send,
};
use crate::http::{EgressConfig, HttpClient};

#[tokio::test]
async fn literal_addresses_outside_of_the_public_internet_are_refused() {
    let client = HttpClient::new(EgressConfig::default()).unwrap();
    for url in [
        "https://127.0.0.1/token",
        "https://localhost/token",
        "https://10.0.0.1/token",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/token",
        "https://[::ffff:10.0.0.1]/token",
        "https://[64:ff9b::a00:1]/token",
        "https://2130706433/token",
        "https://0/token",
        "http://8.8.8.8/token",
        "http://provider.example/token",
    ] {
        assert_failed(send(&client, url).await, Kind::Forbidden, RequestSent::No);
    }
}

#[tokio::test]
async fn one_private_address_among_public_ones_refuses_the_name() {
    let names = Names::of("provider.test", &["93.184.215.14", "2606:4700::1", "192.168.1.1"]);
    let client = HttpClient::with_resolver(EgressConfig::default(), Arc::clone(&names) as _).unwrap();
    let answer = send(&client, "https://provider.test/token").await;
    assert_failed(answer, Kind::Forbidden, RequestSent::No);
    assert_eq!(names.asked(), 1);
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_is_refused_even_where_loopback_is_allowed() {
    let names = Names::of("provider.test", &["127.0.0.1"]);
    let client = HttpClient::with_resolver(local_config(), names).unwrap();
    assert_failed(send(&client, "https://provider.test/token").await, Kind::Forbidden, RequestSent::No);
    assert_failed(send(&client, "http://provider.test/token").await, Kind::Forbidden, RequestSent::No);
}

#[tokio::test]
async fn a_loopback_name_needs_no_resolver() {
    let peer = Peer::listen().await;
    let names = Names::of("provider.test", &[]);
    let client = HttpClient::with_resolver(local_config(), Arc::clone(&names) as _).unwrap();
    let url = format!("http://localhost:{}/token", peer.address().port());
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    let (response, request) = tokio::join!(send(&client, &url), peer.answer_once(answer));
    assert_eq!(response.unwrap().status, 204);
    assert!(request.contains(&format!("host: localhost:{}\r\n", peer.address().port())));
    assert_eq!(names.asked(), 0);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_a_dns_failure() {
    let known = Names::of("empty.test", &[]);
    let client = HttpClient::with_resolver(EgressConfig::default(), known).unwrap();
    assert_failed(send(&client, "https://unknown.test/token").await, Kind::Dns, RequestSent::No);
    assert_failed(send(&client, "https://empty.test/token").await, Kind::Dns, RequestSent::No);
    // RFC 6761 6.4: no resolver knows a name under .invalid.
    assert_failed(send(&local_client(), "https://nobody.invalid/token").await, Kind::Dns, RequestSent::No);
}
