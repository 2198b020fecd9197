//! `cargo xtask soak`: the same tests with far more rounds. It proves nothing that the test command does not
//! also look for; it looks longer.

use crate::{
    Failure, command, fuzz,
    progress::{self, Step},
    sabotage, setup,
    workspace::Workspace,
};

/// Cases of each property test; proptest's own default is 256.
const PROPERTY_CASES: &str = "20000";
/// Rounds of each racing test, read by the tests themselves; their default is what the test command can afford.
const ROUNDS: &str = "5000";
/// Simulated runs, a tenth of which the test command plays.
const SEEDS: &str = "20000";
/// Requests of each kind that schemathesis makes up for an operation of the HTTP interface.
const EXAMPLES: &str = "300";
/// Times that the whole suite runs again at its ordinary size, to see a test that fails one time in many.
const REPETITIONS: usize = 20;
/// Refreshes over which memory must not grow.
const REFRESHES: &str = "1000000";

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let mut steps = setup::steps(workspace);
    steps.push(Step::new(format!("property tests, {PROPERTY_CASES} cases; races, {ROUNDS} rounds"), || {
        let mut tests = suite(workspace);
        tests
            .env("EVERGRANT_SOAK", "1")
            .env("PROPTEST_CASES", PROPERTY_CASES)
            .env("EVERGRANT_ROUNDS", ROUNDS)
            .env("EVERGRANT_SEEDS", SEEDS)
            .env("EVERGRANT_SCHEMATHESIS_EXAMPLES", EXAMPLES);
        command::run(tests)
    }));
    steps.push(Step::new("processes that stand still for longer than a lease", || {
        let waited = ["test", "--package", "evergrant-cli", "--test", "torture", "--", "--ignored"];
        command::run(command::cargo(workspace, &waited))
    }));
    for repetition in 1..=REPETITIONS {
        steps.push(Step::new(format!("the whole suite again, {repetition} of {REPETITIONS}"), || {
            command::run(suite(workspace))
        }));
    }
    steps.push(Step::new("every deliberate mistake, until the simulation notices it", || {
        sabotage::run(workspace)
    }));
    steps.push(Step::new(format!("memory over {REFRESHES} refreshes"), || {
        let bench = ["bench", "--package", "evergrant", "--bench", "memory_soak", "--", REFRESHES];
        command::run(command::cargo(workspace, &bench))
    }));
    steps.extend(fuzz::all(workspace, fuzz::SOAK_SECONDS)?);
    progress::run(steps)
}

fn suite(workspace: &Workspace) -> std::process::Command {
    let mut tests = command::cargo(workspace, &["test", "--workspace", "--quiet"]);
    tests.env("EVERGRANT_INTEROP", workspace.interop());
    tests
}
