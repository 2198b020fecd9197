//! Everything people do in this repository, one command each: see [`USAGE`].

mod bench;
mod clock;
mod command;
mod fuzz;
mod lint;
mod progress;
mod purity;
mod sabotage;
mod setup;
mod soak;
mod source;
mod suite;
mod workspace;

use std::process::ExitCode;

use crate::workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test     install what the interoperability tests need, prove purity, run every test
  setup    only the installation (into target/interop; Debian packages of what is missing)
  lint     formatting, clippy, purity, file lengths; cargo-deny where it is installed
  purity   evergrant-proto and the rehearsal provider's core reach no clock, no I/O, no randomness
  bench    the benchmarks, each a ratio to its yardstick; fails when a bound is violated
  fuzz     hostile input for every parser and the state machine, guided by coverage, a minute each;
           `fuzz TARGET` only one
  sabotage breaks the protocol in one way after the other and shows that the simulation catches each
  soak     the randomized and the racing tests again, with far more rounds (hours)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let workspace = Workspace::locate();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => suite::test(&workspace),
        ["setup"] => setup::run(&workspace),
        ["lint"] => lint::run(&workspace),
        ["purity"] => purity::run(&workspace),
        ["bench"] => bench::run(&workspace),
        ["fuzz"] => fuzz::run(&workspace, None),
        ["fuzz", target] => fuzz::run(&workspace, Some(target)),
        ["sabotage"] => sabotage::run(&workspace),
        ["soak"] => soak::run(&workspace),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(Failure::new("no such command", USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {}\n{}", failure.what, failure.remedy);
            ExitCode::FAILURE
        }
    }
}

/// What went wrong, and what the person at the keyboard does next.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    what: String,
    remedy: String,
}

impl Failure {
    fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}
