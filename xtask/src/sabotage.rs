//! `cargo xtask sabotage`: the proof that the simulation's checks can fail.

use crate::{Failure, command, workspace::Workspace};

/// What both forms build: the simulation over an engine with mistakes that can be switched on.
const BUILD: [&str; 4] = ["--package", "evergrant-simulation", "--features", "sabotage"];

/// Hunts each mistake, and plays as many seeds without any; prints how many seeds each took.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let hunt = [&["run", "--release"][..], &BUILD, &["--bin", "sabotage"]].concat();
    command::run(command::cargo(workspace, &hunt))
}

/// The same as a test, in few seeds. Not part of the workspace's tests: those are built without mistakes.
pub(crate) fn test(workspace: &Workspace) -> Result<(), Failure> {
    let test = [&["test"][..], &BUILD, &["--test", "sabotage"]].concat();
    command::run(command::cargo(workspace, &test))
}
