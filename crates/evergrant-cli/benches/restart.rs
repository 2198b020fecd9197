//! A restart with 1,000,000 grants stored: from the start of the program to the first token over HTTP.
//!
//! Yardstick: 300 ms. Each run asks for another grant, so that no page of the database is there for having been read
//! in the run before; the file itself is in the system's cache, as after a restart of the program and not of the machine.

#[path = "../../evergrant/benches/support/draw.rs"]
mod draw;
#[path = "../../evergrant/benches/support/populate.rs"]
mod populate;
#[path = "../../evergrant/benches/support/report.rs"]
#[expect(dead_code, reason = "there is nothing to be compared with")]
mod report;
#[path = "../../evergrant/benches/support/world.rs"]
mod world;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use evergrant::proto::name::GrantId;
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;

use populate::populate;
use report::{instant, print};
use world::{database, folder};

const GRANTS: usize = 1_000_000;

/// Restarts.
const RUNS: usize = 7;

/// Seconds.
const BOUND: f64 = 0.3;

fn main() {
    let runtime = Runtime::new().expect("a runtime can be started");
    let folder = folder();
    let grants = populate(&runtime, folder.path(), GRANTS);
    let key = make_key(folder.path());
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

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evergrant"));
    command.args(arguments).env_clear().env("HOME", folder).stdin(Stdio::null());
    command.env("EVERGRANT_STORE", format!("sqlite:{}", database(folder).display()));
    command
}

fn make_key(folder: &Path) -> String {
    let arguments = ["api-keys", "create", "bench", "--scope", "read-token"];
    let output = program(folder, &arguments).output().expect("the program can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = printed.split_whitespace();
    words.find(|word| word.starts_with("egk_")).expect("a key is printed").to_owned()
}

/// Seconds to the first token.
fn restart(folder: &Path, key: &str, grant: GrantId) -> f64 {
    let start = instant();
    let mut server = program(folder, &["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program can be started");
    let address = address(&mut server);
    let answer = ask(&address, key, grant);
    let elapsed = start.elapsed().as_secs_f64();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("access_token"), "{answer}");
    let id = i32::try_from(server.id()).ok().and_then(Pid::from_raw).expect("it has an id");
    kill_process(id, Signal::TERM).expect("it runs");
    assert!(server.wait().expect("it ends").success());
    elapsed
}

fn address(server: &mut Child) -> String {
    let out = BufReader::new(server.stdout.take().expect("it is piped"));
    let lines = out.lines().map_while(Result::ok);
    let address = lines.filter_map(|line| {
        let (address, _) = line.strip_prefix("listening on ")?.split_once(", store ")?;
        Some(address.to_owned())
    });
    address.into_iter().next().expect("it says where it listens")
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
