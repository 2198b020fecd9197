//! Processes that share a store and a provider: a list of what befalls them, with all invariants of the simulation.

use std::time::Duration;

use evergrant_simulation::{Dice, Policy, Script, Setting, Step, play};

/// Bytes of the setting: a seed, and a policy.
const HEAD: usize = 9;

/// Bytes of a step: what is drawn, and how long it takes.
const STEP: usize = 6;

/// As many as a seed of the simulation has.
const MOST_STEPS: usize = 500;

/// The longest pause between two steps, in seconds.
const LONGEST: u64 = 120;

/// Whatever happens, nothing is lost without need.
pub(super) fn operations(bytes: &[u8]) {
    let Some((head, steps)) = bytes.split_at_checked(HEAD) else { return };
    let policies = Policy::all();
    let policy = policies[usize::from(head[HEAD - 1]) % policies.len()];
    let setting = Setting::of(number(&head[..HEAD - 1]), Some(policy));
    let step = |(place, bytes): (usize, &[u8])| {
        let (drawn, pause) = bytes.split_at(STEP - 2);
        let action = setting.emphasis.draw(&mut Dice::new(number(drawn)));
        let most = u64::try_from(Duration::from_secs(LONGEST).as_millis()).expect("two minutes");
        let pause = number(pause) * most / u64::from(u16::MAX);
        // What happens twice draws something else the second time, ids first of all.
        let chance = Dice::new(number(drawn) | (place as u64) << 32).draw();
        Step { action, pause, chance }
    };
    let steps: Vec<_> = steps.chunks_exact(STEP).take(MOST_STEPS).enumerate().map(step).collect();
    let numbers = (0..steps.len()).collect();
    let script = Script { setting, steps, numbers };
    if let Err(violation) = play(&script, false) {
        panic!("{violation}");
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
