//! An independent client as a child process. Included by test files with `#[path]`, beside `installed.rs`.

use std::{io::Write, process::Stdio};

use serde_json::Value;

use super::installed;

/// Plays the scenario of `interop/README.md` and returns its report. Blocks; panics with the party's own words when
/// it met something that it does not understand.
pub(crate) fn play(party: &str, input: &Value) -> Value {
    let mut command = installed::command(party);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the party starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(input.to_string().as_bytes()).expect("the party reads its input");
    drop(stdin);
    let output = child.wait_with_output().expect("the party ends");
    assert!(output.status.success(), "{party} gave up:\n{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the party reports in JSON")
}
