//! A restart with 1,000,000 grants stored: from the start of the program to the first token over HTTP.
//!
//! Yardstick: 300 ms. Each run asks for another grant, so that no page of the database is there for having been read
//! in the run before; the file itself is in the system's cache, as after a restart of the program and not of the machine.

#[path = "../../evergrant/benches/support/draw.rs"]
mod draw;
#[path = "../../evergrant/benches/support/populate.rs"]
mod populate;
#[path = "support/program.rs"]
#[expect(dead_code, reason = "nothing of a restart is told by its process")]
mod program;
#[path = "../../evergrant/benches/support/report.rs"]
#[expect(dead_code, reason = "there is nothing to be compared with")]
mod report;
#[path = "../../evergrant/benches/support/world.rs"]
mod world;

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use evergrant::proto::name::GrantId;
use tokio::runtime::Runtime;

use populate::populate;
use program::{Server, make_key, program};
use report::{instant, print};
use world::folder;

const GRANTS: usize = 1_000_000;

/// Restarts.
const RUNS: usize = 7;

/// Seconds.
const BOUND: f64 = 0.3;

fn main() {
    let runtime = Runtime::new().expect("a runtime can be started");
    let folder = folder();
    let grants = populate(&runtime, folder.path(), GRANTS);
    let key = make_key(folder.path(), "read-token");
    let mut times: Vec<f64> =
        (0..RUNS).map(|run| restart(folder.path(), &key, grants[run * (GRANTS / RUNS)])).collect();
    times.sort_by(f64::total_cmp);
    let (median, worst) = (times[RUNS / 2], times[RUNS - 1]);
    let detail = format!(
        "{:.1} ms in the middle and {:.1} ms at worst of {RUNS} restarts, of 300 ms, with {GRANTS} grants",
        median * 1e3,
        worst * 1e3
    );
    print("restart.first_token", worst / BOUND, ..=1.0, "s/s", &detail);
}

/// Seconds to the first token.
fn restart(folder: &Path, key: &str, grant: GrantId) -> f64 {
    let start = instant();
    let server = Server::start(program(folder, &["serve", "--listen", "127.0.0.1:0"]));
    let answer = ask(&server.address, key, grant);
    let elapsed = start.elapsed().as_secs_f64();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("access_token"), "{answer}");
    server.stop();
    elapsed
}

fn ask(address: &str, key: &str, grant: GrantId) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!(
        "GET /v1/grants/{grant}/token HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}
