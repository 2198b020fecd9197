//! Proof that the checks can fail, at the size that the test command affords; `cargo xtask sabotage` has the figures.

use std::thread;

use evergrant_sabotage::{Sabotage, switch_off};
use evergrant_simulation::{Options, run};

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
