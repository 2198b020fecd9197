//! How far an import has come, where somebody watches.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use evergrant::proto::time::Moment;
use evergrant_server::import::Counts;

/// More often nobody can read it.
const EVERY: Duration = Duration::from_millis(200);

/// A line on a terminal that is written over and over.
#[derive(Debug)]
pub(super) struct Progress {
    watched: bool,
    begun: Moment,
    told: Option<Moment>,
    total: Option<u64>,
    /// Lines that are passed over: they were done before.
    before: u64,
}

impl Progress {
    /// Begins. Without a terminal nothing is ever shown.
    pub(super) fn begin(now: Moment, total: Option<u64>) -> Self {
        Self { watched: io::stderr().is_terminal(), begun: now, told: None, total, before: 0 }
    }

    /// What was done before says nothing about how fast this is.
    pub(super) fn passed(&mut self, lines: u64) {
        self.before = lines;
    }

    /// Shows how far it has come, if it is time.
    pub(super) fn show(&mut self, counts: &Counts, now: Moment) {
        if !self.watched || self.told.is_some_and(|told| now.since(told) < EVERY) {
            return;
        }
        self.told = Some(now);
        let line = self.line(counts, now);
        // A terminal that is gone is no reason to stop.
        let _ = write!(io::stderr().lock(), "\r\x1b[K{line}");
    }

    /// Makes room for something else.
    pub(super) fn clear(&mut self) {
        if self.told.take().is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }

    fn line(&self, counts: &Counts, now: Moment) -> String {
        let of = self.total.map_or_else(String::new, |total| format!(" of {total}"));
        let new = counts.lines.saturating_sub(self.before);
        let milliseconds = now.since(self.begun).as_millis().max(1);
        let rate = u128::from(new) * 1000 / milliseconds;
        format!("{}{of} lines, {rate} a second, {} refused", counts.lines, counts.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_what_is_done_how_fast_and_what_was_refused() {
        let begun = Moment(1_000);
        let progress = Progress { watched: true, begun, told: None, total: Some(500), before: 100 };
        let counts = Counts { lines: 300, refused: 2, ..Counts::default() };
        let line = progress.line(&counts, begun.plus(Duration::from_secs(2)));
        assert_eq!(line, "300 of 500 lines, 100 a second, 2 refused");
    }
}
