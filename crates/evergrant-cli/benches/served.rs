//! Reading tokens over HTTP: 64 connections that are kept, plain and with TLS.
//!
//! Yardstick: a bare axum handler that hashes the presented key, compares the digest, and returns the same bytes, in a
//! process of its own as the server is. Who asks is a third process, and both sides are asked in turns. What the
//! processor spends on a request is what the system says of all threads of the server, whatever they do.

#[path = "../../evergrant/benches/support/draw.rs"]
mod draw;
#[path = "../../evergrant/benches/support/populate.rs"]
mod populate;
#[path = "support/program.rs"]
#[expect(dead_code, reason = "a server that has been measured may be killed")]
mod program;
#[path = "../../evergrant/benches/support/report.rs"]
#[expect(dead_code, reason = "more than one number is compared in a turn")]
mod report;
#[path = "../../evergrant/benches/support/world.rs"]
mod world;

#[path = "served/load.rs"]
mod load;
#[path = "served/tls.rs"]
mod tls;
#[path = "served/yardstick.rs"]
mod yardstick;

use std::{fs, path::Path};

use evergrant::proto::name::GrantId;
use tokio::runtime::{Builder, Runtime};

use load::{Load, Loads, Target, Way};
use populate::populate;
use program::{Server, make_key, program};
use report::{median, print};
use tls::Pair;
use world::folder;

/// As the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GRANTS: usize = 10_000;

/// Turns of each side.
const TURNS: usize = 7;

fn main() {
    // This program is also the yardstick, as a process of its own.
    if let Some(yardstick) = yardstick::Yardstick::from_environment() {
        yardstick.serve();
        return;
    }
    let runtime = Runtime::new().expect("a runtime can be started");
    let folder = folder();
    let grants = populate(&runtime, folder.path(), GRANTS);
    drop(runtime);
    let key = make_key(folder.path(), "read-token");
    let pair = Pair::make(folder.path());
    measure("served_token", folder.path(), &key, &grants, None);
    measure("served_token.tls", folder.path(), &key, &grants, Some(&pair));
}

fn measure(name: &str, folder: &Path, key: &str, grants: &[GrantId], pair: Option<&Pair>) {
    // One thread asks, so that the other processor is the server's.
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be started");
    let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
    if let Some(pair) = pair {
        arguments.extend(["--tls-certificate", &pair.certificate, "--tls-key", &pair.key]);
    }
    let ours = Server::start(program(folder, &arguments));
    let way = || pair.map_or(Way::Plain, |pair| Way::Tls(pair.connector()));
    let target = Target::of(&ours.address, key, grants, way());
    let answer = runtime.block_on(target.one_answer());
    let bare = Server::start(yardstick::command(key, &answer, pair));
    let bare_target = Target::of(&bare.address, key, grants, way());
    let mut ours = Loads::open(&runtime, &target, ours.id());
    let mut bare = Loads::open(&runtime, &bare_target, bare.id());
    let mut turns = Vec::new();
    for turn in 0..=TURNS {
        let pair = (ours.measure(&runtime), bare.measure(&runtime));
        // The first one is for what has to be warm.
        if turn > 0 {
            turns.push(pair);
        }
    }
    report(name, &turns, answer.len());
}

fn report(name: &str, turns: &[(Load, Load)], bytes: usize) {
    let of = |value: fn(&Load) -> f64| {
        let middle =
            |side: fn(&(Load, Load)) -> &Load| median(turns.iter().map(|turn| value(side(turn))).collect());
        (middle(|turn| &turn.0), middle(|turn| &turn.1))
    };
    let of_turns =
        |value: fn(&Load, &Load) -> f64| median(turns.iter().map(|(ours, bare)| value(ours, bare)).collect());
    let (ours, bare) = of(|load| load.per_second);
    let detail = format!(
        "{ours:.0} tokens/s, {bare:.0}/s by a bare axum handler, {bytes} bytes each, {} connections",
        load::CONNECTIONS
    );
    print(name, of_turns(|ours, bare| ours.per_second / bare.per_second), 0.7.., "x/x", &detail);
    let (ours, bare) = of(|load| load.processor);
    let detail =
        format!("{ours:.2} µs of processor a request, {bare:.2} µs by the handler: microseconds more");
    print(
        &format!("{name}.processor"),
        of_turns(|ours, bare| ours.processor - bare.processor),
        ..=2.0,
        "µs",
        &detail,
    );
    let (ours, bare) = of(|load| load.slowest_hundredth);
    let detail = format!("of a hundred answers the slowest takes {ours:.0} µs, {bare:.0} µs by the handler");
    print(
        &format!("{name}.p99"),
        of_turns(|ours, bare| ours.slowest_hundredth / bare.slowest_hundredth),
        ..=2.0,
        "µs/µs",
        &detail,
    );
}

/// Nanoseconds that the threads of a process have run.
fn processor_time(process: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
    let of_task = |task: fs::DirEntry| -> u64 {
        // A thread may have ended meanwhile; what it did is missing from both readings or from none.
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split_whitespace().next().and_then(|time| time.parse().ok()).unwrap_or_default()
    };
    tasks.map_while(Result::ok).map(of_task).sum()
}
