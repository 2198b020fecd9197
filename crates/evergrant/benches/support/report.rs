//! How the benchmarks measure, and what they print for `cargo xtask bench`.

use std::{
    ops::{
        Bound::{Included, Unbounded},
        RangeBounds,
    },
    time::{Duration, Instant},
};

/// Runs of each side.
const RUNS: usize = 5;

/// Reads the clock of the yardsticks.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, and this is where it reads it"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// How long `work` takes.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let start = instant();
    work();
    start.elapsed()
}

/// What the runs of ours and of the yardstick measured, turn by turn.
#[derive(Debug)]
pub(crate) struct Comparison {
    turns: Vec<(f64, f64)>,
}

impl Comparison {
    /// Runs both in turns, so that what else the machine does meets both; once unmeasured before.
    pub(crate) fn of(mut ours: impl FnMut() -> f64, mut yardstick: impl FnMut() -> f64) -> Self {
        ours();
        yardstick();
        Self { turns: (0..RUNS).map(|_| (ours(), yardstick())).collect() }
    }

    /// Ours to the yardstick: the median of the turns.
    pub(crate) fn ratio(&self) -> f64 {
        self.median(|(ours, yardstick)| ours / yardstick)
    }

    pub(crate) fn ours(&self) -> f64 {
        self.median(|(ours, _)| *ours)
    }

    pub(crate) fn yardstick(&self) -> f64 {
        self.median(|(_, yardstick)| *yardstick)
    }

    fn median(&self, value: impl Fn(&(f64, f64)) -> f64) -> f64 {
        median(self.turns.iter().map(value).collect())
    }
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints one result. `bound` is where a good ratio lies: `..=1.5` or `0.5..`.
pub(crate) fn print(name: &str, ratio: f64, bound: impl RangeBounds<f64>, unit: &str, detail: &str) {
    let (bound, direction) = match (bound.start_bound(), bound.end_bound()) {
        (Included(least), Unbounded) => (*least, "min"),
        (Unbounded, Included(most)) => (*most, "max"),
        _ => unreachable!("a ratio is bounded from one side"),
    };
    println!(
        "BENCH name={name} ratio={ratio:.3} bound={bound} direction={direction} unit={unit} detail={detail}"
    );
}
