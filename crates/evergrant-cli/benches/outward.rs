//! What goes outward by itself: events to ten thousand listeners, and messages to a webhook.
//!
//! Yardstick of the listeners: a bare axum handler that hands out what a broadcast channel brings. Yardstick of the
//! messages: a bare hyper client that posts the same signed bytes to the same receiver over as many kept connections, and
//! writes each delivery down in a commit of its own. Both are processes of their own, as the server is.

#[path = "../../evergrant/benches/support/draw.rs"]
mod draw;
#[path = "../../evergrant/benches/support/populate.rs"]
mod populate;
#[path = "support/program.rs"]
#[expect(dead_code, reason = "a server that has been measured may be killed")]
mod program;
#[path = "../../evergrant/benches/support/report.rs"]
#[expect(dead_code, reason = "turns are taken by other means")]
mod report;
#[path = "../../evergrant/benches/support/world.rs"]
mod world;

#[path = "outward/bare.rs"]
mod bare;
#[path = "outward/listeners.rs"]
mod listeners;
#[path = "outward/messages.rs"]
mod messages;

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Runtime;

use populate::populate;
use program::{Server, make_key, program};
use world::folder;

/// As the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // Every listener has a descriptor at both ends.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("it may have what it may have");
    // This program is also the yardsticks, as processes of their own.
    if let Some(yardstick) = bare::Yardstick::from_environment() {
        yardstick.run();
        return;
    }
    let runtime = Runtime::new().expect("a runtime can be started");
    let folder = folder();
    populate(&runtime, folder.path(), 1);
    let key = make_key(folder.path(), "manage");
    messages::measure(&runtime, folder.path(), &key);
    listeners::measure(&runtime, folder.path(), &key);
}

fn server(folder: &Path) -> Server {
    let arguments =
        ["serve", "--listen", "127.0.0.1:0", "--allow-loopback-http", "--rate-limit-requests", "0"];
    Server::start(program(folder, &arguments))
}

/// Sends one request with a body of JSON; the answer's body.
fn post(address: &str, key: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

/// Makes an event of the kind `imported`, and with it a message.
fn import(address: &str, key: &str, number: usize) {
    let body = format!(r#"{{"client":"bench","refresh_token":"refresh-token-{number}"}}"#);
    post(address, key, "/v1/grants", &body);
}

#[expect(clippy::cast_precision_loss, reason = "some thousands are exact")]
fn count(number: usize) -> f64 {
    number as f64
}
