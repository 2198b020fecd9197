//! Where diagnostics go: to stderr, as text or as one JSON object a line. docs/operations.md lists what can be said.

use std::env;

use tracing_subscriber::EnvFilter;

use crate::{config::Log, output::style};

/// As the environment has it: `EVERGRANT_LOG` (`info`, `evergrant=debug`, ...) and `EVERGRANT_LOG_FORMAT`.
pub(crate) fn of_environment() -> Log {
    let usual = Log::default();
    let filter = env::var("EVERGRANT_LOG").ok().filter(|filter| EnvFilter::try_new(filter).is_ok());
    let json = env::var("EVERGRANT_LOG_FORMAT").is_ok_and(|format| format == "json");
    Log { filter: filter.unwrap_or(usual.filter), json }
}

/// Starts it, once in a process.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Nobody may be reading stderr: that is no reason to panic.
        .log_internal_errors(false);
    if log.json {
        lines.json().init();
    } else {
        lines.with_ansi(style::of_stderr().is_coloured()).init();
    }
}
