//! How long something took, in buckets.

use std::time::Duration;

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

impl Histogram {
    pub(super) fn observe(&mut self, took: Duration) {
        let index = BUCKETS.iter().position(|(end, _)| took.as_micros() <= *end).unwrap_or(BUCKETS.len());
        self.buckets[index] += 1;
        self.sum = self.sum.saturating_add(took);
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
