//! How long something took, in buckets.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::family::Samples;

/// Upper ends in microseconds and as they are written, in seconds: a token from memory, one through a refresh, one that
/// was waited for.
const BUCKETS: [(u128, &str); 8] = [
    (1_000, "0.001"),
    (5_000, "0.005"),
    (25_000, "0.025"),
    (100_000, "0.1"),
    (500_000, "0.5"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
    (30_000_000, "30"),
];

#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Each counts what fits into it and not into the one before; the last one the rest.
    buckets: [u64; BUCKETS.len() + 1],
    sum: Duration,
}

/// The same for what happens so often that nobody may wait for anybody.
#[derive(Debug, Default)]
pub(super) struct Tally {
    buckets: [AtomicU64; BUCKETS.len() + 1],
    /// Nanoseconds.
    sum: AtomicU64,
}

impl Tally {
    pub(super) fn observe(&self, took: Duration) {
        self.buckets[bucket(took)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

fn bucket(took: Duration) -> usize {
    BUCKETS.iter().position(|(end, _)| took.as_micros() <= *end).unwrap_or(BUCKETS.len())
}

impl Histogram {
    pub(super) fn observe(&mut self, took: Duration) {
        self.buckets[bucket(took)] += 1;
        self.sum = self.sum.saturating_add(took);
    }

    /// Takes over what was tallied, which begins anew; how many there were.
    pub(super) fn take(&mut self, tally: &Tally) -> u64 {
        let mut count = 0;
        for (here, tallied) in self.buckets.iter_mut().zip(&tally.buckets) {
            let tallied = tallied.swap(0, Ordering::Relaxed);
            *here += tallied;
            count += tallied;
        }
        self.sum = self.sum.saturating_add(Duration::from_nanos(tally.sum.swap(0, Ordering::Relaxed)));
        count
    }

    pub(super) fn render(&self, samples: &mut Samples<'_>, label: (&str, &str)) {
        let ends = BUCKETS.iter().map(|(_, end)| *end).chain(["+Inf"]);
        let mut count = 0;
        for (end, here) in ends.zip(self.buckets) {
            count += here;
            samples.sample("_bucket", &[label, ("le", end)], count);
        }
        samples.sample("_sum", &[label], self.sum.as_secs_f64());
        samples.sample("_count", &[label], count);
    }
}
