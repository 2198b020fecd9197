//! `evergrant demo`: a grant that is rotated, broken, diagnosed and repaired, before one's eyes.

use std::{net::SocketAddr, process::ExitCode};

/// How to demonstrate.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Options {
    /// Play it through once and end; without a terminal this is what happens anyway
    #[arg(long)]
    pub(crate) once: bool,
    /// Where the server of the demonstration listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
}

/// Demonstrates.
pub(crate) fn run(_options: Options) -> ExitCode {
    ExitCode::FAILURE
}
