//! One exchange over plain TCP, and every way in which it can break.

use std::{sync::Arc, time::Duration};

use evergrant_proto::time::{Moment, Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use url::Url;

use super::{
    CANARY, HttpResponse, Kind, RequestSent, TransportFailure, assert_failed, local_client,
    peer::{Authority, Peer, accept_tls, read_request},
    send, token_request,
};
use crate::{
    clock::{Clock, ManualClock},
    http::{
        after,
        connection::{Connection, Duplex, Terms},
        destination::Destination,
        prepare::prepare,
        tls::client_config,
        wire::Wire,
    },
};

/// What the client makes of a peer that reads the request, answers with these bytes and closes.
async fn answered_with(answer: &[u8]) -> Result<HttpResponse, TransportFailure> {
    let peer = Peer::listen().await;
    let client = local_client();
    tokio::join!(send(&client, peer.url()), peer.answer_once(answer)).0
}

#[tokio::test]
async fn a_request_arrives_as_it_was_given_and_the_answer_comes_back_whole() {
    let peer = Peer::listen().await;
    let client = local_client();
    let answer =
        b"HTTP/1.1 400 Bad Request\r\nDate: now\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 4\r\n\r\nbody";
    let (response, request) = tokio::join!(send(&client, peer.url()), peer.answer_once(answer));
    let response = response.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (400, b"body".as_slice()));
    assert_eq!(response.header("date"), Some("now"));
    assert_eq!(response.headers.iter().filter(|(name, _)| name == "x-a").count(), 2);
    assert!(request.starts_with(&format!("POST /token?{CANARY} HTTP/1.1\r\n")));
    assert!(request.contains(concat!("user-agent: evergrant/", env!("CARGO_PKG_VERSION"), "\r\n")));
    assert!(request.ends_with(&format!("\r\n\r\nrefresh_token={CANARY}")));
    assert!(!request.contains("accept-encoding"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let answer =
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let response = answered_with(answer).await.unwrap();
    assert_eq!((response.status, response.header("location")), (307, Some("http://127.0.0.1:1/")));
}

#[tokio::test]
async fn every_framing_of_a_body_is_read_to_its_end() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n3;x=y\r\nody\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nbody",
        "HTTP/1.0 200 OK\r\n\r\nbody",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
    ] {
        assert_eq!(answered_with(answer.as_bytes()).await.unwrap().body.as_slice(), b"body", "{answer}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_a_failure_and_not_cut() {
    let announced = b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n".as_slice();
    let chunk = format!("258\r\n{}\r\n", "x".repeat(600));
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    let unframed = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1001));
    for answer in [announced, chunked.as_bytes(), unframed.as_bytes()] {
        assert_failed(answered_with(answer).await, Kind::TooLarge, RequestSent::Maybe);
    }
    let exact = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1000));
    assert_eq!(answered_with(exact.as_bytes()).await.unwrap().body.len(), 1000);
}

#[tokio::test]
async fn an_answer_that_ends_early_leaves_the_outcome_open() {
    for answer in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"acc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{\"acc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        assert_failed(answered_with(answer.as_bytes()).await, Kind::Reset, RequestSent::Maybe);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_http_leaves_the_outcome_open() {
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200));
    let long_header = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(100 * 1024));
    for answer in [
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n".as_slice(),
        b"\x15\x03\x01\x00\x02\x02\x50",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad\0name: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname: va\x00lue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        many_headers.as_bytes(),
        long_header.as_bytes(),
    ] {
        assert_failed(unread_answer(answer).await, Kind::Protocol, RequestSent::Maybe);
    }
}

/// As [`answered_with`] for a client that may hang up before the peer has written everything.
async fn unread_answer(answer: &[u8]) -> Result<HttpResponse, TransportFailure> {
    let peer = Peer::listen().await;
    let client = local_client();
    let serving = async {
        let mut stream = peer.accept().await;
        read_request(&mut stream).await;
        let _ = stream.write_all(answer).await;
        stream
    };
    tokio::join!(send(&client, peer.url()), serving).0
}

#[tokio::test]
async fn bytes_beyond_utf_8_in_a_header_do_not_lose_the_answer() {
    let answer = b"HTTP/1.1 200 OK\r\nx-motd: caf\xe9\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(answered_with(answer).await.unwrap().header("x-motd"), Some("caf\u{fffd}"));
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    let peer = Peer::listen().await;
    let url = peer.url();
    drop(peer);
    assert_failed(send(&local_client(), &url).await, Kind::Connect, RequestSent::No);
}

#[tokio::test]
async fn a_peer_that_closes_before_it_has_read_the_request_leaves_the_outcome_open() {
    let peer = Peer::listen().await;
    let client = local_client();
    let serving = async { assert!(peer.accept().await.read_u8().await.is_ok()) };
    let (answer, ()) = tokio::join!(send(&client, peer.url()), serving);
    assert_failed(answer, Kind::Reset, RequestSent::Maybe);
}

#[tokio::test]
async fn a_connection_that_closed_before_the_first_byte_sent_nothing() {
    let peer = Peer::listen().await;
    let (connected, accepted) = tokio::join!(TcpStream::connect(peer.address()), peer.accept());
    let wire = Wire::new(connected.unwrap());
    drop(accepted);
    let connection = open_connection(&wire, Box::new(wire.clone())).await;
    assert_failed(exchange_over(connection).await, Kind::Connect, RequestSent::No);
    assert_eq!(wire.written(), 0);
}

#[tokio::test]
async fn a_tls_connection_that_closed_before_the_first_byte_sent_nothing() {
    let (authority, peer) = (Authority::new(), Peer::listen().await);
    let acceptor = authority.server("provider.test", false);
    let wire = Wire::new(TcpStream::connect(peer.address()).await.unwrap());
    let connector = TlsConnector::from(Arc::new(client_config(Some(&authority.pem())).unwrap()));
    let handshake = connector.connect("provider.test".try_into().unwrap(), wire.clone());
    let (connected, accepted) = tokio::join!(handshake, accept_tls(&peer, &acceptor));
    let connection = open_connection(&wire, Box::new(connected.unwrap())).await;
    let mut accepted = accepted.unwrap();
    accepted.shutdown().await.unwrap();
    // Lets the reactor tell the client's socket.
    tokio::task::yield_now().await;
    assert_failed(exchange_over(connection).await, Kind::Connect, RequestSent::No);
}

async fn open_connection(wire: &Wire, stream: Box<dyn Duplex>) -> Connection {
    let url = Url::parse("https://provider.test/token").unwrap();
    Connection::open(wire.clone(), stream, &Destination::of(&url, false).unwrap()).await.unwrap()
}

async fn exchange_over(connection: Connection) -> Result<HttpResponse, TransportFailure> {
    let request = token_request("https://provider.test/token");
    let destination = Destination::of(&request.url, false).unwrap();
    let agent = hyper::header::HeaderValue::from_static("evergrant/test");
    let clock = ManualClock::starting_at(Timestamp::from_seconds(1_800_000_000));
    let deadline = after(Duration::from_secs(30));
    let terms = Terms { not_after: clock.moment(), clock: &clock, deadline, max_body_bytes: 10 };
    let request = prepare(request, &destination, &agent).unwrap();
    connection.exchange(request, &terms).await.map(|(response, _)| response)
}

#[tokio::test]
async fn an_answer_that_trickles_is_cut_off_at_the_deadline() {
    for beginning in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
        let peer = Peer::listen().await;
        let client = local_client();
        let serving = async {
            let mut stream = peer.accept().await;
            read_request(&mut stream).await;
            stream.write_all(beginning.as_bytes()).await.unwrap();
            // From here on nothing happens any more, so paused time jumps to the deadline.
            tokio::time::pause();
            stream
        };
        let (answer, _stream) = tokio::join!(send(&client, peer.url()), serving);
        assert_failed(answer, Kind::Timeout, RequestSent::Maybe);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_deadline_beyond_the_end_of_time_is_no_panic() {
    let peer = Peer::listen().await;
    let client = local_client();
    let clock = ManualClock::starting_at(Timestamp::from_seconds(1_800_000_000));
    let sending = client.send(token_request(&peer.url()), Moment(u64::MAX), Duration::MAX, &clock);
    let (answer, _) = tokio::join!(sending, peer.answer_once(b"HTTP/1.1 204 No Content\r\n\r\n"));
    assert_eq!(answer.unwrap().status, 204);
}

#[tokio::test]
async fn a_request_that_is_too_late_from_the_start_contacts_nobody() {
    let clock = ManualClock::starting_at(Timestamp::from_seconds(1_800_000_000));
    let not_after = clock.moment();
    clock.advance(Duration::from_millis(1));
    let request = token_request("http://127.0.0.1:9/token");
    let answer = local_client().send(request, not_after, Duration::from_secs(30), &clock).await;
    assert_failed(answer, Kind::TooLate, RequestSent::No);
}
