//! Progress lines, `[3/7] what (12 s so far)`, so that a first run of minutes never looks stuck.

use std::time::Duration;

use crate::{Failure, clock::Stopwatch};

/// A named piece of work.
pub(crate) struct Step<'a> {
    title: String,
    work: Box<dyn FnOnce() -> Result<(), Failure> + 'a>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(title: impl Into<String>, work: impl FnOnce() -> Result<(), Failure> + 'a) -> Self {
        Self { title: title.into(), work: Box::new(work) }
    }
}

/// Runs the steps in order and stops at the first failure.
pub(crate) fn run(steps: Vec<Step<'_>>) -> Result<(), Failure> {
    let (total, watch) = (steps.len(), Stopwatch::start());
    for (index, step) in steps.into_iter().enumerate() {
        println!("[{}/{total}] {} ({} so far)", index + 1, step.title, spoken(watch.elapsed()));
        (step.work)()?;
    }
    println!("all {total} steps done in {}", spoken(watch.elapsed()));
    Ok(())
}

fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_first_failure_ends_the_run() {
        let later = Cell::new(false);
        let steps = vec![
            Step::new("fails", || Err(Failure::new("broken", "mend it"))),
            Step::new("must not run", || {
                later.set(true);
                Ok(())
            }),
        ];
        assert_eq!(run(steps), Err(Failure::new("broken", "mend it")));
        assert!(!later.get());
    }

    #[test]
    fn a_duration_reads_like_speech() {
        assert_eq!(spoken(Duration::from_secs(59)), "59 s");
        assert_eq!(spoken(Duration::from_secs(125)), "2 min 5 s");
    }
}
