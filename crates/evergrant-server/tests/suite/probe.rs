//! The health check that a container has in the program itself.

use evergrant_server::{Unready, probe};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::World;

#[tokio::test]
async fn a_ready_server_passes_and_an_unready_one_says_what_is_missing() {
    let world = World::empty().await;
    let address = world.url.strip_prefix("http://").unwrap().parse().unwrap();
    probe(address, false).await.unwrap();
    world.break_store();
    let told = probe(address, false).await.unwrap_err();
    assert!(matches!(&told, Unready::Refused(why) if why.ends_with("/problems/store_unavailable")), "{told}");
}

#[tokio::test]
async fn who_is_not_there_or_speaks_something_else_is_not_ready() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stranger = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 16];
        stream.read_exact(&mut asked).await.unwrap();
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    });
    let told = probe(address, false).await.unwrap_err();
    assert!(matches!(told, Unready::Refused(_) | Unready::Unreachable { .. }), "{told}");
    stranger.await.unwrap();
    assert!(matches!(probe(address, false).await, Err(Unready::Unreachable { .. })));
    assert!(matches!(probe(address, true).await, Err(Unready::Unreachable { .. })));
}
