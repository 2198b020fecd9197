//! A store of 1,000,000 grants: how long it takes to open, what an idle process over it keeps in memory, and what a
//! tick of the scheduler costs.
//!
//! Yardsticks: a second; 100 MB; the tick over 1,000 grants when the same number is due.

#[path = "support/draw.rs"]
mod draw;
#[path = "support/populate.rs"]
mod populate;
#[path = "support/report.rs"]
mod report;
#[path = "support/world.rs"]
mod world;

use std::{env, fs, path::Path, process::Command, time::Duration};

use evergrant::{
    Keeper, OpenOptions,
    clock::{Clock, SystemClock},
    store::{SqliteStore, Store},
};
use rusqlite::Connection;
use tokio::runtime::Runtime;

use populate::populate;
use report::{Comparison, instant, print, timed};
use world::{database, folder, open_store};

const LARGE: usize = 1_000_000;
const SMALL: usize = 1_000;

/// Grants due in either store: as many as the scheduler asks for at once.
const DUE: usize = 64;

/// Ticks in one run.
const TICKS: usize = 500;

/// How long the idle process is left to itself before its memory is measured: several ticks.
const IDLE: Duration = Duration::from_secs(3);

/// Tells the program that it is the idle process.
const IDLE_ARGUMENT: &str = "--idle-over";

fn main() {
    let mut arguments = env::args().skip_while(|argument| argument != IDLE_ARGUMENT).skip(1);
    let runtime = Runtime::new().expect("a runtime can be started");
    if let Some(folder) = arguments.next() {
        return idle(&runtime, folder.as_ref());
    }
    let (large, small) = (folder(), folder());
    for (folder, grants) in [(&large, LARGE), (&small, SMALL)] {
        populate(&runtime, folder.path(), grants);
    }
    opening_and_memory(large.path());
    tick(&runtime, large.path(), small.path());
}

/// What the idle process says of itself.
struct Idle {
    opened_in: f64,
    resident: f64,
    of_files: f64,
}

/// The program once more, in a process of its own: opens the store as an application does, then waits.
fn idle(runtime: &Runtime, folder: &Path) {
    runtime.block_on(async {
        let start = instant();
        let opened = Keeper::open(OpenOptions::at(database(folder))).await.expect("the store can be opened");
        let opened_in = start.elapsed();
        let driver = tokio::spawn(opened.driver.run());
        SystemClock.wait_until(SystemClock.moment().plus(IDLE)).await;
        println!("{} {} {}", opened_in.as_secs_f64(), megabytes("VmRSS:"), megabytes("RssFile:"));
        drop(opened.keeper);
        driver.await.expect("the driver ends with its keeper");
    });
}

fn measure_idle(folder: &Path) -> Idle {
    let program = env::current_exe().expect("the program has a path");
    let output =
        Command::new(program).arg(IDLE_ARGUMENT).arg(folder).output().expect("a process can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = printed.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let &[opened_in, resident, of_files] = numbers.as_slice() else { panic!("three numbers, not {printed}") };
    Idle { opened_in, resident, of_files }
}

/// A line of `/proc/self/status`, in MB of 1,000,000 bytes.
fn megabytes(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux says what a process uses");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux names this");
    let kibibytes = line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number of kB");
    kibibytes * 1024.0 / 1e6
}

fn opening_and_memory(folder: &Path) {
    let mut idle = Vec::new();
    let opening = Comparison::of(
        || {
            idle.push(measure_idle(folder));
            idle.last().map_or(f64::NAN, |idle| idle.opened_in)
        },
        || timed(|| open_bare(&database(folder))).as_secs_f64(),
    );
    let size = fs::metadata(database(folder)).map_or(0, |file| file.len() / 1_000_000);
    let detail = format!(
        "{:.1} ms of 1 s with keys, lifeboat and anchor; {:.1} ms with bare SQLite; {size} MB of {LARGE} grants",
        opening.ours() * 1e3,
        opening.yardstick() * 1e3
    );
    print("large_store.open", opening.ours(), ..=1.0, "s/s", &detail);

    let most = idle.iter().max_by(|one, other| one.resident.total_cmp(&other.resident)).expect("it was run");
    let detail = format!(
        "{:.1} MB of 100 MB resident after {} s, {:.1} MB of it files such as the program itself",
        most.resident,
        IDLE.as_secs(),
        most.of_files
    );
    print("large_store.resident", most.resident / 100.0, ..=1.0, "MB/MB", &detail);
}

fn open_bare(database: &Path) {
    let connection = Connection::open(database).expect("the database can be opened");
    connection.execute_batch("PRAGMA synchronous = FULL").expect("a valid setting");
    let store: String = connection.query_row("SELECT id FROM store", [], |row| row.get(0)).expect("a store");
    assert!(!store.is_empty(), "a store has an id");
}

fn tick(runtime: &Runtime, large: &Path, small: &Path) {
    let stores = [(large, LARGE), (small, SMALL)].map(|(folder, grants)| {
        make_due(&database(folder), (grants / DUE).try_into().expect("a small number"));
        open_store(folder)
    });
    let [large, small] = &stores;
    let comparison = Comparison::of(|| ticks(runtime, large), || ticks(runtime, small));
    let detail = format!(
        "{:.1} µs among {LARGE} grants, {:.1} µs among {SMALL}, {DUE} due",
        comparison.ours(),
        comparison.yardstick()
    );
    print("large_store.tick", comparison.ratio(), ..=1.5, "us/us", &detail);
}

/// Makes one in `every` grants due since a second ago.
fn make_due(database: &Path, every: u32) {
    let past = SystemClock.now().wall.minus(Duration::from_secs(1)).0;
    let connection = Connection::open(database).expect("the database can be opened");
    let changed = connection
        .execute("UPDATE grants SET next_due_at = ?1 - rowid % 1000 WHERE rowid % ?2 = 0", (past, every))
        .expect("the database can be written");
    assert!(changed >= DUE, "enough grants are due");
}

/// Microseconds a tick.
#[expect(clippy::cast_precision_loss, reason = "a few hundred are exact")]
fn ticks(runtime: &Runtime, store: &SqliteStore) -> f64 {
    let elapsed = timed(|| {
        runtime.block_on(async {
            for _ in 0..TICKS {
                let due = store.due(SystemClock.now().wall, DUE).await.expect("the store can be read");
                assert_eq!(due.len(), DUE, "as many as were asked for");
            }
        });
    });
    elapsed.as_secs_f64() * 1e6 / TICKS as f64
}
