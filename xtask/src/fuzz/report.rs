//! What libFuzzer's log says.

use std::fmt;

/// Fewer counters than this are not those of our code.
const LEAST_COUNTERS: u64 = 1_000;

/// A run without a finding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    inputs: u64,
    /// Edges reached by the seeds, and at the end.
    covered: (u64, u64),
    /// Inputs that are worth keeping, at the beginning and at the end.
    corpus: (u64, u64),
}

impl Report {
    /// `None` if the engine was blind or idle: silence is no success.
    pub(crate) fn of(log: &str) -> Option<Self> {
        let counters =
            log.lines().find_map(|line| line.split_once(" inline 8-bit counters)")?.0.split_once('('));
        let begun = log.lines().find(|line| line.contains("\tINITED "))?;
        let ended = log.lines().rfind(|line| line.contains("\tDONE "))?;
        let inputs = ended.strip_prefix('#')?.split('\t').next()?.parse().ok()?;
        let report = Self {
            inputs,
            covered: (number(begun, "cov: ")?, number(ended, "cov: ")?),
            corpus: (number(begun, "corp: ")?, number(ended, "corp: ")?),
        };
        let sees = counters?.1.parse().is_ok_and(|counters: u64| counters >= LEAST_COUNTERS);
        (sees && report.covered.1 > 0 && report.inputs > report.corpus.0).then_some(report)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, covered: (seeds, all), corpus: (before, after) } = self;
        write!(formatter, "{inputs} inputs, edges {seeds} to {all}, corpus {before} to {after}")
    }
}

fn number(line: &str, name: &str) -> Option<u64> {
    let digits = line.split_once(name)?.1;
    digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// The part of a log from the panic on.
pub(crate) fn finding(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    let is_cause = |line: &&str| line.contains("panicked at") || line.contains("ERROR: libFuzzer");
    let from = lines.iter().position(is_cause).unwrap_or(lines.len().saturating_sub(20));
    lines[from..].iter().take(40).copied().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "INFO: Loaded 1 modules   (123456 inline 8-bit counters): 123456 [0x1, 0x2),\n\
        #7\tINITED cov: 210 ft: 300 corp: 6/1Kb exec/s: 0 rss: 40Mb\n\
        #99\tNEW    cov: 211 ft: 301 corp: 7/1Kb lim: 4 exec/s: 0 rss: 40Mb L: 3/3 MS: 1 ChangeBit-\n\
        #5000\tDONE   cov: 230 ft: 500 corp: 20/2Kb lim: 4 exec/s: 100 rss: 50Mb\n";

    #[test]
    fn a_run_is_reported_with_what_it_gained() {
        let report = Report::of(LOG).unwrap();
        assert_eq!(report.to_string(), "5000 inputs, edges 210 to 230, corpus 6 to 20");
    }

    #[test]
    fn an_engine_without_eyes_is_no_success() {
        assert_eq!(Report::of(&LOG.replace("123456", "12")), None);
        assert_eq!(Report::of(&LOG.replace("230", "0")), None);
        assert_eq!(Report::of(&LOG.replace("DONE", "pulse")), None);
    }

    #[test]
    fn a_finding_is_shown_from_its_panic_on() {
        assert!(
            finding(&format!("{LOG}thread 'main' panicked at src/lib.rs:1\nmessage\n")).starts_with("thread")
        );
        assert!(finding("nothing known").contains("nothing known"));
    }
}
