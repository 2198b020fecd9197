//! Proof that the checks can fail, at the size that the test command affords; `cargo xtask sabotage` has the figures.

use std::thread;

use evergrant_sabotage::{Sabotage, switch_off};
use evergrant_simulation::{Options, Script, play, run, shrink};

/// Each mistake is noticed within so many seeds, and for the reason that it was made for.
const SEEDS: u64 = 1000;

/// Mistakes that the project promises at least.
const PROMISED: usize = 20;

/// The mistakes of `share` that no seed shows.
fn unnoticed(share: &[Sabotage]) -> Vec<String> {
    let is_noticed = |sabotage: &&Sabotage| {
        sabotage.switch_on();
        let breaks = |seed| run(seed, &Options::default()).err();
        let noticed = (0..SEEDS).filter_map(breaks).any(|violation| violation.breaks(sabotage.breaks()));
        switch_off();
        noticed
    };
    let (_, unnoticed): (Vec<&Sabotage>, Vec<_>) = share.iter().partition(is_noticed);
    unnoticed.into_iter().map(|sabotage| sabotage.name()).collect()
}

#[test]
fn every_mistake_is_noticed() {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let shares: Vec<_> = Sabotage::ALL.chunks(Sabotage::ALL.len().div_ceil(cores)).collect();
    let missed = thread::scope(|scope| {
        let workers: Vec<_> = shares.into_iter().map(|share| scope.spawn(move || unnoticed(share))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(missed.is_empty(), "not noticed within {SEEDS} seeds: {missed:?}");
}

#[test]
fn there_are_as_many_mistakes_as_promised() {
    assert!(Sabotage::ALL.len() >= PROMISED);
}

/// A word of the command that plays a violation again.
fn word<'a>(command: &'a str, name: &str) -> Option<&'a str> {
    command.split_whitespace().skip_while(|word| *word != name).nth(1)
}

#[test]
fn a_violation_shrinks_and_its_command_plays_it_again() {
    Sabotage::RepeatBlindly.switch_on();
    let found = (0..SEEDS).find_map(|seed| run(seed, &Options::default()).err()).unwrap();
    let shrunk = shrink(&found);
    assert!(shrunk.script.steps.len() * 4 < found.steps, "{} of {}", shrunk.script.steps.len(), found.steps);
    for violation in [found, shrunk] {
        let command = violation.command();
        let number = |name| word(&command, name).unwrap().parse::<usize>().unwrap();
        let policy = word(&command, "--policy").unwrap().parse().unwrap();
        let mut script = Script::of(number("--seed") as u64, Some(policy), number("--steps"));
        if let Some(only) = word(&command, "--only") {
            script = script.only(&only.split(',').map(|step| step.parse().unwrap()).collect::<Vec<_>>());
        }
        let again = play(&script, true).unwrap_err();
        assert_eq!(again.objection, violation.objection);
        assert_eq!(again.trace, violation.trace);
        assert!(again.trace.iter().any(|line| line.contains("sends to /token")), "{:?}", again.trace);
    }
    switch_off();
}
