//! What a listener costs the server in memory, and how long an event takes to reach all of them.

use std::{fs, path::Path, time::Duration};

use futures_util::{StreamExt, future::join_all, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};

use crate::{
    bare, count, import, post,
    report::{instant, print},
    server,
};

const LISTENERS: usize = 10_000;

/// What every listener waits for.
const EVENT: &str = "event: imported";

/// What one side costs.
struct Cost {
    /// Bytes of memory a listener.
    bytes: f64,
    /// From the event to the last listener.
    delay: Duration,
}

pub(crate) fn measure(runtime: &Runtime, folder: &Path, key: &str) {
    let ours = server(folder);
    let head = format!("authorization: Bearer {key}\r\naccept: text/event-stream\r\n");
    let happen = || import(&ours.address, key, usize::MAX);
    let ours = runtime.block_on(cost(&ours.address, ours.id(), &head, happen));
    let bare = bare::listened_to();
    let happen =
        || drop(post(&bare.address, "", "/", &format!("id: 1\n{EVENT}\ndata: {}\n\n", "x".repeat(300))));
    let bare = runtime.block_on(cost(&bare.address, bare.id(), "", happen));
    let detail = format!(
        "{:.1} KiB a listener, {:.1} KiB by a bare axum handler, {LISTENERS} listeners; an event reaches all of them within {:.0} ms, {:.0} ms",
        ours.bytes / 1024.0,
        bare.bytes / 1024.0,
        ours.delay.as_secs_f64() * 1e3,
        bare.delay.as_secs_f64() * 1e3
    );
    print("sse.listener", ours.bytes / bare.bytes, ..=1.5, "byte/byte", &detail);
}

async fn cost(address: &str, process: u32, head: &str, happen: impl FnOnce()) -> Cost {
    let request = format!("GET /v1/events HTTP/1.1\r\nhost: {address}\r\n{head}\r\n");
    // What the first ones make is not counted: what is there once for all.
    let first: Vec<_> = connect(address, &request, 100).await;
    let before = resident(process);
    let listeners = connect(address, &request, LISTENERS).await;
    let bytes = (resident(process) - before) / count(LISTENERS);
    let began = instant();
    happen();
    join_all(listeners.into_iter().chain(first).map(|stream| hear(stream, EVENT))).await;
    Cost { bytes, delay: began.elapsed() }
}

async fn connect(address: &str, request: &str, listeners: usize) -> Vec<TcpStream> {
    let connect = |_| async {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        hear(stream, "retry: 2000").await
    };
    stream::iter(0..listeners).map(connect).buffer_unordered(100).collect().await
}

async fn hear(mut stream: TcpStream, text: &str) -> TcpStream {
    let (mut heard, mut buffer) = (String::new(), [0; 512]);
    while !heard.contains(text) {
        let bytes = stream.read(&mut buffer).await.expect("the server goes on");
        assert!(bytes > 0, "the stream ended: {heard}");
        heard.push_str(&String::from_utf8_lossy(&buffer[..bytes]));
    }
    stream
}

/// Bytes of a process in memory.
fn resident(process: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells it");
    let kibibytes: u32 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    f64::from(kibibytes) * 1024.0
}
