//! `cargo xtask test`: everything that must hold before a change lands.

use crate::{
    Failure, command,
    progress::{self, Step},
    purity, sabotage, setup,
    workspace::Workspace,
};

pub(crate) fn test(workspace: &Workspace) -> Result<(), Failure> {
    if std::env::var_os("EVERGRANT_CORPUS").is_none() {
        println!("(EVERGRANT_CORPUS is not set: the diagnosis is not scored on the corpus of failures)");
    }
    let mut steps = setup::steps(workspace);
    steps.extend(purity::steps(workspace));
    steps.push(Step::new("building every test (minutes when nothing is built yet)", || {
        command::run(command::cargo(workspace, &["test", "--workspace", "--no-run"]))
    }));
    steps.push(Step::new("every test: unit, property, integration, interoperability, documentation", || {
        let mut tests = command::cargo(workspace, &["test", "--workspace"]);
        tests.env("EVERGRANT_INTEROP", workspace.interop());
        command::run(tests)
    }));
    steps.push(Step::new("every deliberate mistake is noticed by the simulation", || {
        sabotage::test(workspace)
    }));
    progress::run(steps)
}
