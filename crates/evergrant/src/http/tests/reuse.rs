//! Connections that carry more than one request, and those that no longer can.

use std::{io, time::Duration};

use evergrant_proto::time::Moment;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    Kind, RequestSent, assert_failed, local_client,
    peer::{Peer, read_request, serve_one},
    send, token_request,
};
use crate::{clock::SystemClock, http::HttpClient};

#[tokio::test]
async fn requests_in_a_row_share_a_connection() {
    let peer = Peer::listen().await;
    let client = local_client();
    let serving = async {
        let mut stream = peer.accept().await;
        for _ in 0..3 {
            serve_one(&mut stream).await;
        }
    };
    let sending = async {
        for _ in 0..3 {
            assert_eq!(send(&client, peer.url()).await.unwrap().status, 200);
        }
    };
    tokio::join!(sending, serving);
}

#[tokio::test]
async fn a_connection_that_the_peer_closed_while_idle_is_replaced_unnoticed() {
    let peer = Peer::listen().await;
    let client = local_client();
    for _ in 0..50 {
        let serving = async { serve_one(&mut peer.accept().await).await };
        assert!(tokio::join!(send(&client, peer.url()), serving).0.is_ok());
    }
}

#[tokio::test]
async fn a_closed_idle_connection_and_a_peer_that_is_gone_sent_nothing() {
    let peer = Peer::listen().await;
    let client = local_client();
    let url = peer.url();
    let serving = async { serve_one(&mut peer.accept().await).await };
    assert!(tokio::join!(send(&client, &url), serving).0.is_ok());
    drop(peer);
    assert_failed(send(&client, &url).await, Kind::Connect, RequestSent::No);
}

#[tokio::test]
async fn a_peer_that_closes_a_reused_connection_after_reading_leaves_the_outcome_open() {
    let peer = Peer::listen().await;
    let client = local_client();
    let serving = async {
        let mut stream = peer.accept().await;
        serve_one(&mut stream).await;
        read_request(&mut stream).await;
    };
    let sending = async {
        assert!(send(&client, peer.url()).await.is_ok());
        send(&client, peer.url()).await
    };
    assert_failed(tokio::join!(sending, serving).0, Kind::Reset, RequestSent::Maybe);
}

#[tokio::test]
async fn a_connection_on_which_the_peer_speaks_unasked_is_not_used_again() {
    let peer = Peer::listen().await;
    let client = local_client();
    let serving = async {
        let mut stream = peer.accept().await;
        serve_one(&mut stream).await;
        stream
    };
    let (first, mut stream) = tokio::join!(send(&client, peer.url()), serving);
    assert!(first.is_ok());
    // An answer to a question that was never asked must not become the answer to the next one.
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged").await.unwrap();
    let second = async { serve_one(&mut peer.accept().await).await };
    assert_eq!(tokio::join!(send(&client, peer.url()), second).0.unwrap().body.as_slice(), b"{}");
}

#[tokio::test]
async fn an_answer_that_arrives_with_more_than_it_announced_ends_the_connection() {
    let peer = Peer::listen().await;
    let client = local_client();
    let serving = async {
        let mut stream = peer.accept().await;
        read_request(&mut stream).await;
        let two = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
        stream.write_all(two).await.unwrap();
        stream
    };
    let (first, _stream) = tokio::join!(send(&client, peer.url()), serving);
    assert_eq!(first.unwrap().body.as_slice(), b"{}");
    let second = async { serve_one(&mut peer.accept().await).await };
    assert_eq!(tokio::join!(send(&client, peer.url()), second).0.unwrap().body.as_slice(), b"{}");
}

#[tokio::test]
async fn a_connection_that_was_idle_for_a_second_is_not_used_again() {
    let peer = Peer::listen().await;
    let client = local_client();
    let mut kept = Vec::new();
    for _ in 0..2 {
        let serving = async {
            let mut stream = peer.accept().await;
            serve_one(&mut stream).await;
            stream
        };
        let (answer, stream) = tokio::join!(send(&client, peer.url()), serving);
        assert!(answer.is_ok());
        kept.push(stream);
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::time::resume();
    }
    client.close_idle();
    for mut stream in kept {
        assert_eq!(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_connection_that_the_peer_ends_by_header_is_not_used_again() {
    let peer = Peer::listen().await;
    let client = local_client();
    let mut kept = Vec::new();
    for _ in 0..2 {
        let serving = async {
            let mut stream = peer.accept().await;
            read_request(&mut stream).await;
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            stream
        };
        let (answer, stream) = tokio::join!(send(&client, peer.url()), serving);
        assert!(answer.is_ok());
        kept.push(stream);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_the_pool_and_each_gets_its_own_answer() {
    let peer = Peer::listen().await;
    let url = peer.url();
    tokio::spawn(async move {
        loop {
            let mut stream = peer.accept().await;
            tokio::spawn(async move { while echo_path(&mut stream).await.is_ok() {} });
        }
    });
    let client = local_client();
    let tasks: Vec<_> =
        (0..16).map(|task| tokio::spawn(ask_in_a_row(client.clone(), url.clone(), task))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn ask_in_a_row(client: HttpClient, url: String, task: u32) {
    for turn in 0..50 {
        let path = format!("/{task}/{turn}");
        let mut request = token_request(&url);
        request.url.set_path(&path);
        request.url.set_query(None);
        let answer = client.send(request, Moment(u64::MAX), Duration::from_secs(30), &SystemClock).await;
        assert_eq!(answer.unwrap().body.as_slice(), path.as_bytes());
    }
}

/// Answers one request with the path that it asked for.
async fn echo_path(stream: &mut TcpStream) -> io::Result<()> {
    stream.readable().await?;
    if stream.peek(&mut [0]).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let request = read_request(stream).await;
    let path = request.split(' ').nth(1).unwrap();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}", path.len());
    stream.write_all(answer.as_bytes()).await
}
