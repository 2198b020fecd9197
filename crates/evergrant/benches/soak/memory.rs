//! Resident memory and disk over many refreshes through keeper, engine and SQLite, with a provider that answers at once.
//!
//! `cargo bench --package evergrant --bench memory_soak -- 1000000`. Not a benchmark of `cargo xtask bench`: nothing is
//! measured against a yardstick. `cargo xtask soak` runs it.
//!
//! The memory is bounded if its highest point in the last quarter of the run is at most 6 % above that of the first
//! quarter, which is when every cache is full. A leak of 16 bytes a refresh is 12 MB in between, a tenth.

#[path = "../support/draw.rs"]
mod draw;
#[path = "../support/populate.rs"]
mod populate;
#[path = "../support/world.rs"]
mod world;

use std::{fs, path::Path, process::ExitCode};

use evergrant::{
    Keeper,
    clock::{Clock, SystemClock},
    proto::{
        engine::Settings,
        name::{Generation, GrantId},
    },
};
use futures_util::{StreamExt, stream};
use tokio::runtime::Runtime;

use populate::populate;
use world::{folder, open};

/// As in the program `evergrant`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Refreshes without an argument: enough to see that the run itself works.
const DEFAULT_REFRESHES: usize = 20_000;

/// Grants that are refreshed in turn. After a hundred rounds their journals have reached their full length.
const GRANTS: usize = 1_000;

/// Refreshes under way at once.
const IN_FLIGHT: usize = 64;

/// Readings of the memory; a quarter of them has to be a few.
const READINGS: usize = 40;

/// The last quarter to the first.
const BOUND: f64 = 1.06;

fn main() -> ExitCode {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let refreshes = asked.unwrap_or(DEFAULT_REFRESHES).max(READINGS * GRANTS / 2);
    let runtime = Runtime::new().expect("a runtime can be started");
    let folder = folder();
    let grants = populate(&runtime, folder.path(), GRANTS);
    let (keeper, driver) = open(folder.path(), Settings { scheduler: false, ..Settings::default() });
    runtime.spawn(driver.run());
    let readings = runtime.block_on(run(&keeper, &grants, refreshes, folder.path()));
    verdict(&readings)
}

/// What was seen after so many refreshes.
struct Reading {
    resident_kib: u64,
    store_bytes: u64,
}

async fn run(keeper: &Keeper, grants: &[GrantId], refreshes: usize, folder: &Path) -> Vec<Reading> {
    let mut seen: Vec<Seen> = Vec::with_capacity(GRANTS);
    for grant in grants {
        seen.push((*grant, keeper.token(*grant).await.expect("the grant has a token").generation()));
    }
    let start = SystemClock.moment();
    let mut readings = Vec::with_capacity(READINGS);
    let mut done = 0;
    for number in 1..=READINGS {
        while done < refreshes * number / READINGS {
            let part = &mut seen[..GRANTS.min(refreshes - done)];
            done += part.len();
            let all = stream::iter(part).map(|grant| refresh(keeper, grant)).buffer_unordered(IN_FLIGHT);
            all.for_each(|()| std::future::ready(())).await;
        }
        let reading = Reading { resident_kib: resident_kib(), store_bytes: bytes_in(folder) };
        println!(
            "{done:>9} refreshes, {:>5} s: {:>7} KiB resident, {:>7} KiB on disk",
            SystemClock.moment().since(start).as_secs(),
            reading.resident_kib,
            reading.store_bytes / 1024
        );
        readings.push(reading);
    }
    readings
}

/// A grant and the generation of the token that its caller has.
type Seen = (GrantId, Generation);

async fn refresh(keeper: &Keeper, (grant, seen): &mut Seen) {
    let token = keeper.refresh(*grant, *seen).await.expect("the provider rotates everything");
    assert!(token.generation() > *seen, "a refresh brings a new generation");
    *seen = token.generation();
}

/// What the system says that this process has in memory (`VmRSS`).
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells how a process fares");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS is always told");
    line.trim().trim_end_matches("kB").trim().parse().expect("VmRSS is a number")
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("the folder is ours").flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

#[expect(clippy::cast_precision_loss, reason = "sizes below 2^52")]
fn verdict(readings: &[Reading]) -> ExitCode {
    let quarter = READINGS / 4;
    let (first, last) = (&readings[..quarter], &readings[READINGS - quarter..]);
    let highest = |part: &[Reading]| part.iter().map(|reading| reading.resident_kib).max().unwrap_or(0);
    let growth = highest(last) as f64 / highest(first) as f64;
    let disk = readings[READINGS - 1].store_bytes as f64 / last[0].store_bytes as f64;
    println!(
        "SOAK memory: {} KiB at most in the first quarter, {} in the last: {growth:.3} (bound {BOUND}); disk in the last quarter: {disk:.3}",
        highest(first),
        highest(last)
    );
    if growth <= BOUND { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
