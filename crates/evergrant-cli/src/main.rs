//! The command `evergrant`.

mod cli;
mod commands;
mod config;
mod demo;
mod exit;
mod failure;
mod input;
mod location;
mod output;
mod session;
mod signals;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Failure;

/// Records and tokens are made on one thread and freed on another, which glibc's arenas serialize: the durable
/// refresh of the benchmark is a fifth faster with this one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_memory_out_of_core_files();
    start_logging();
    let Cli { command } = Cli::parse();
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

/// A core file would hold tokens and keys. Where the limit cannot be set the system's own applies.
fn keep_memory_out_of_core_files() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// Diagnostics go to stderr, filtered by `EVERGRANT_LOG` (`info`, `evergrant=debug`, ...).
fn start_logging() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("EVERGRANT_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Nobody may be reading stderr: that is no reason to panic.
        .log_internal_errors(false)
        .with_ansi(output::style::of_stderr().is_coloured())
        .init();
}
