//! Breaks the protocol in one way after the other, and shows after how many seeds the simulation notices each.
//!
//! Seeds are played in their order until one breaks the very invariant that the mistake is about; the run without any mistake plays as many as the
//! slowest catch took, so that nothing is caught that would have been found anyway.

use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use evergrant_sabotage::{Sabotage, switch_off};
use evergrant_simulation::{Options, Violation, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seeds after which a mistake counts as not noticed.
const PATIENCE: u64 = 20_000;

/// Seeds that a world without mistakes has to survive at least.
const INNOCENT: u64 = 500;

const USAGE: &str = "\
usage: sabotage [NAME...] [--seeds 20000] [--steps 500] [--list]

Without names, all of them. Fails if one is not noticed, or if something is noticed where nothing was sabotaged.";

struct Arguments {
    chosen: Vec<Sabotage>,
    patience: u64,
    options: Options,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => prove(&arguments),
        Ok(None) => {
            for sabotage in Sabotage::ALL {
                println!("{:28} {}", sabotage.name(), sabotage.description());
            }
            ExitCode::SUCCESS
        }
        Err(complaint) => {
            eprintln!("{complaint}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// `None`: only the list is wanted.
fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut parsed = Arguments { chosen: Vec::new(), patience: PATIENCE, options: Options::default() };
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().ok_or_else(|| format!("{word} needs a number"))?;
            value.replace('_', "").parse::<u64>().map_err(|_| format!("{value} is no number"))
        };
        match word.as_str() {
            "--list" => return Ok(None),
            "--seeds" => parsed.patience = number()?,
            "--steps" => {
                parsed.options.steps = usize::try_from(number()?).map_err(|error| error.to_string())?;
            }
            name => parsed
                .chosen
                .push(Sabotage::of_name(name).ok_or_else(|| format!("no sabotage is called {name}"))?),
        }
    }
    if parsed.chosen.is_empty() {
        parsed.chosen = Sabotage::ALL.to_vec();
    }
    Ok(Some(parsed))
}

fn prove(arguments: &Arguments) -> ExitCode {
    let (mut unnoticed, mut slowest) = (Vec::new(), 0);
    for (index, sabotage) in arguments.chosen.iter().enumerate() {
        let place = format!("[{}/{}]", index + 1, arguments.chosen.len());
        let name = sabotage.name();
        if let Some((seeds, violation)) = hunt(Some(*sabotage), arguments.patience, &arguments.options) {
            slowest = slowest.max(seeds);
            let found = std::iter::once(&violation.objection).chain(&violation.others);
            let found = found.filter(|objection| objection.invariant.number() == Some(sabotage.breaks()));
            let invariant = found.map(|objection| objection.invariant.to_string()).next().unwrap_or_default();
            println!("{place:8} {name:32} noticed after {seeds:>6} seeds  {invariant}");
        } else {
            println!("{place:8} {name:32} NOT NOTICED in {} seeds", arguments.patience);
            unnoticed.push(name);
        }
    }
    let innocent = slowest.max(INNOCENT);
    println!("without any sabotage: {innocent} seeds");
    if let Some((_, violation)) = hunt(None, innocent, &arguments.options) {
        println!("\nA violation where nothing was sabotaged proves nothing about the others:\n{violation}");
        return ExitCode::FAILURE;
    }
    if unnoticed.is_empty() {
        println!("all {} were noticed", arguments.chosen.len());
        return ExitCode::SUCCESS;
    }
    println!("not noticed: {}", unnoticed.join(", "));
    ExitCode::FAILURE
}

/// Plays seeds from 0 on all cores until one breaks an invariant. Returns how many it took.
fn hunt(sabotage: Option<Sabotage>, patience: u64, options: &Options) -> Option<(u64, Box<Violation>)> {
    let (next, caught) = (AtomicU64::new(0), AtomicBool::new(false));
    let found: Mutex<Option<(u64, Box<Violation>)>> = Mutex::new(None);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                sabotage.map_or_else(switch_off, Sabotage::switch_on);
                while !caught.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= patience {
                        break;
                    }
                    if let Err(violation) = run(seed, options)
                        && sabotage.is_none_or(|sabotage| violation.breaks(sabotage.breaks()))
                    {
                        caught.store(true, Ordering::Relaxed);
                        keep_first(&found, seed + 1, violation);
                    }
                }
            });
        }
    });
    found.into_inner().expect("no player panics")
}

/// Threads finish in any order; the smallest seed is the one that everybody gets.
fn keep_first(found: &Mutex<Option<(u64, Box<Violation>)>>, seeds: u64, violation: Box<Violation>) {
    let mut found = found.lock().expect("no player panics");
    if found.as_ref().is_none_or(|(known, _)| seeds < *known) {
        *found = Some((seeds, violation));
    }
}
