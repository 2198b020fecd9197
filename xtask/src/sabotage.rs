//! `cargo xtask sabotage`: the proof that the simulation's checks can fail.

use crate::{Failure, command, workspace::Workspace};

/// The simulation over an engine with mistakes that can be switched on.
const FEATURE: [&str; 2] = ["--features", "evergrant-simulation/sabotage"];

/// Hunts each mistake, and plays as many seeds without any; prints how many seeds each took.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let hunt = ["run", "--release", "--package", "evergrant-simulation"];
    let hunt = [&hunt[..], &FEATURE, &["--bin", "sabotage"]].concat();
    command::run(command::cargo(workspace, &hunt))
}

/// The same as a test, in few seeds. Not part of the workspace's tests: those are built without mistakes. But beside the
/// workspace, so that what others wrote has the features that it was built with for those, and is not built again.
pub(crate) fn test(workspace: &Workspace) -> Result<(), Failure> {
    let test = [&["test", "--workspace"][..], &FEATURE, &["--test", "sabotage"]].concat();
    command::run(command::cargo(workspace, &test))
}
