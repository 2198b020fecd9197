//! Makes a failing history smaller while it still fails.

use super::{Script, Violation, play};

/// Plays at most so many histories.
const MOST_PLAYS: usize = 3000;

/// The smallest failing run that was found, by leaving out steps, users and other circumstances: of the same invariant,
/// so that what is shown is what was found. With its trace.
pub fn shrink(violation: &Violation) -> Box<Violation> {
    let invariant = violation.objection.invariant;
    let mut plays = 0;
    let mut fails = |script: &Script| {
        plays += 1;
        plays <= MOST_PLAYS && play(script, false).is_err_and(|found| found.objection.invariant == invariant)
    };
    // What came after it was noticed had no part in it; a violation at the end has no such step.
    let mut script = violation.script.with(|place| place <= violation.steps);
    let mut chunk = script.steps.len().div_ceil(2);
    while chunk > 0 {
        let mut smaller = true;
        while smaller {
            smaller = leave_out(&mut script, chunk, &mut fails);
        }
        chunk /= 2;
    }
    play(&script, true).err().unwrap_or_else(|| Box::new(violation.clone()))
}

/// Tries to do without each stretch of `chunk` steps, the latest first. Returns whether it could.
fn leave_out(script: &mut Script, chunk: usize, fails: &mut impl FnMut(&Script) -> bool) -> bool {
    let mut end = script.steps.len();
    let mut smaller = false;
    while end > 0 {
        let start = end.saturating_sub(chunk);
        let without = script.with(|place| !(start..end).contains(&place));
        if fails(&without) {
            *script = without;
            smaller = true;
        }
        end = start;
    }
    smaller && chunk == 1
}
