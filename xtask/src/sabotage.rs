//! `cargo xtask sabotage`: the proof that the simulation's checks can fail.

use crate::{Failure, command, workspace::Workspace};

/// Builds the engine with mistakes that can be switched on, and hunts each.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    command::run(command::cargo(
        workspace,
        &[
            "run",
            "--release",
            "--package",
            "evergrant-simulation",
            "--features",
            "sabotage",
            "--bin",
            "sabotage",
        ],
    ))
}
