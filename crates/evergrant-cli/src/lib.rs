//! The command `evergrant`: everything but the program itself, so that [`hostile`] input can be tried on it.

mod cli;
mod commands;
mod config;
mod demo;
mod exit;
mod failure;
mod hardening;
pub mod hostile;
mod input;
mod location;
mod logging;
mod output;
mod session;
mod signals;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Failure;

/// Runs the command that the arguments of this process name.
#[must_use]
pub fn main() -> ExitCode {
    hardening::keep_memory_private();
    let Cli { command } = Cli::parse();
    // A server has its settings to read first.
    if !matches!(command, Command::Serve(_)) {
        logging::start(&logging::of_environment());
    }
    if let Command::Demo(options) = command {
        return demo::run(options);
    }
    let format = command.format();
    let ended = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let ended = runtime.block_on(command.run());
            // A thread may still be waiting for a person's input; nothing is in flight any more.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(Failure::new("cannot start", error)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(format),
    }
}
