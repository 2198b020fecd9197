//! Reading the access token of one grant among 100,000 from memory, while the driver runs.
//!
//! Yardstick: a look-up in a bare `HashMap` of the same ids and one reading of the clock, which hands out the same
//! token. What the look-up costs when nobody takes the token out of the map is told beside it.

#[path = "support/draw.rs"]
mod draw;
#[path = "support/populate.rs"]
mod populate;
#[path = "support/report.rs"]
mod report;
#[path = "support/world.rs"]
mod world;

use std::{
    collections::HashMap,
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use evergrant::{
    Keeper, Token,
    proto::{engine::Settings, name::GrantId},
};
use futures_util::{StreamExt, stream};
use tokio::runtime::Runtime;

use draw::Draw;
use populate::populate;
use report::{Comparison, instant, print, timed};
use world::{folder, open};

const GRANTS: usize = 100_000;

/// Calls under way at once while memory is filled.
const IN_FLIGHT: usize = 64;

/// Reads in one run of one thread.
const READS: usize = 1_000_000;

/// What the yardstick finds: a token and when it ends.
type Bare = HashMap<GrantId, (Token, Instant)>;

fn main() {
    let runtime = Runtime::new().expect("a runtime can be started");
    let folder = folder();
    let grants = populate(&runtime, folder.path(), GRANTS);
    let (keeper, driver) = open(folder.path(), Settings::default());
    runtime.spawn(driver.run());
    let bare = runtime.block_on(warm(&keeper, &grants));
    let ids = [random(&grants, 2), random(&grants, 3)];
    let ours = |ids: &[GrantId]| runtime.block_on(read(&keeper, ids));
    let yardstick = |ids: &[GrantId]| read_bare(&bare, ids);

    let alone = Comparison::of(|| alone(&ids[0], ours), || alone(&ids[0], yardstick));
    let looked_at = per_read(timed(|| look_at_bare(&bare, &ids[0])));
    let detail = format!(
        "{:.0} ns a read, {:.0} ns a look-up and a clock ({looked_at:.0} ns if the token stays in the map), {GRANTS} grants",
        alone.ours(),
        alone.yardstick()
    );
    print("token_read", alone.ratio(), ..=1.5, "ns/ns", &detail);

    let together = Comparison::of(|| together(&ids, ours), || together(&ids, yardstick));
    scaling(&alone, &together);
}

/// Reads every token once, so that it is in memory.
async fn warm(keeper: &Keeper, grants: &[GrantId]) -> Bare {
    let tokens = stream::iter(grants).map(|grant| keeper.token(*grant)).buffer_unordered(IN_FLIGHT);
    let end = instant() + Duration::from_secs(3600);
    let entries = tokens.map(|token| {
        let token = token.expect("every grant has a token");
        (token.grant(), (token, end))
    });
    entries.collect().await
}

fn random(grants: &[GrantId], seed: u64) -> Vec<GrantId> {
    let mut draw = Draw::from_seed(seed);
    let index = |number: u64| usize::try_from(number % GRANTS as u64).expect("an index");
    (0..READS).map(|_| grants[index(draw.number())]).collect()
}

async fn read(keeper: &Keeper, ids: &[GrantId]) {
    for id in ids {
        black_box(keeper.token(*id).await.expect("every grant has a token"));
    }
}

fn read_bare(tokens: &Bare, ids: &[GrantId]) {
    for id in ids {
        let (token, end) = tokens.get(id).expect("every grant has a token");
        black_box((*end > instant()).then(|| token.clone()));
    }
}

fn look_at_bare(tokens: &Bare, ids: &[GrantId]) {
    for id in ids {
        let (token, end) = tokens.get(id).expect("every grant has a token");
        black_box((*end > instant()).then_some(token));
    }
}

/// Nanoseconds a read.
fn alone(ids: &[GrantId], reads: impl Fn(&[GrantId])) -> f64 {
    per_read(timed(|| reads(ids)))
}

/// Nanoseconds that each of two threads needs for a read while the other one reads as well.
fn together(ids: &[Vec<GrantId>; 2], reads: impl Fn(&[GrantId]) + Sync) -> f64 {
    let both = timed(|| {
        thread::scope(|scope| {
            for ids in ids {
                scope.spawn(|| reads(ids));
            }
        });
    });
    per_read(both)
}

#[expect(clippy::cast_precision_loss, reason = "a million is exact")]
fn per_read(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64() * 1e9 / READS as f64
}

/// Two threads should get through twice as much as one. What two cores of this machine make of that is told by the
/// yardstick, which locks nothing: where it gets 2, ours has to get 1.6.
fn scaling(alone: &Comparison, together: &Comparison) {
    let ours = 2.0 * alone.ours() / together.ours();
    let yardstick = 2.0 * alone.yardstick() / together.yardstick();
    let detail = format!("2 threads read {ours:.2} times as much as 1, the yardstick {yardstick:.2} times");
    print("token_read.two_threads", ours / yardstick, 0.8.., "x/x", &detail);
}
