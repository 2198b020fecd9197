//! The diagnosis, scored on failures that people met: the folder that `EVERGRANT_CORPUS` names, by its own yardstick.
//!
//! The folder is not part of the repository. Without the variable nothing is scored, and continuous integration does
//! not run without it.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What the diagnosis has to reach.
const REQUIRED: &str = "acceptable_unambiguous>=0.95,acceptable>=0.95,transient_recall_unambiguous>=1.0,\
                        permanent_recall>=0.98,candidate_recall>=0.95,dangerous<=0,missing<=0,unexpected<=0";

#[test]
fn the_diagnosis_reaches_its_score() {
    let Some(folder) = std::env::var_os("EVERGRANT_CORPUS").map(PathBuf::from) else {
        println!("EVERGRANT_CORPUS is not set: nothing is scored");
        return;
    };
    let answers = folder.join("dev.answers.jsonl");
    assert!(
        answers.is_file(),
        "EVERGRANT_CORPUS names {}, which holds no dev.answers.jsonl",
        folder.display()
    );
    let output = tempfile::NamedTempFile::new().unwrap();
    explain(&folder.join("dev.inputs.jsonl"), output.path());
    let score = Command::new("python3")
        .arg(folder.join("score.py"))
        .args([output.path(), &answers])
        .args(["--verbose", "--require", REQUIRED])
        .output()
        .expect("python3 runs the folder's yardstick");
    let said = String::from_utf8_lossy(&score.stdout) + String::from_utf8_lossy(&score.stderr);
    assert!(score.status.success(), "{said}");
}

fn explain(inputs: &Path, output: &Path) {
    let explained = Command::new(env!("CARGO_BIN_EXE_evergrant"))
        .args(["explain", "--batch", "--format", "json"])
        .stdin(File::open(inputs).unwrap())
        .stdout(File::create(output).unwrap())
        .stderr(Stdio::inherit())
        .status()
        .unwrap();
    assert!(explained.success(), "evergrant explain: {explained}");
}
