//! Child processes, with errors that name the command to run again.

use std::{
    ffi::OsStr,
    path::Path,
    process::{Command, Stdio},
};

use crate::{Failure, workspace::Workspace};

/// `cargo` with these arguments, in the root of the workspace.
pub(crate) fn cargo(workspace: &Workspace, arguments: &[&str]) -> Command {
    // Set by the cargo that runs this program: the same toolchain goes on.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace.path(""));
    command
}

/// Runs a command whose output goes straight to the terminal.
pub(crate) fn run(mut command: Command) -> Result<(), Failure> {
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(&command, &status.to_string())),
        Err(error) => Err(failed(&command, &error.to_string())),
    }
}

/// Runs a command and returns what it printed; shows its complaints only when it fails.
pub(crate) fn output(mut command: Command) -> Result<String, Failure> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| failed(&command, &error.to_string()))?;
    if !output.status.success() {
        eprintln!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        return Err(failed(&command, &output.status.to_string()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program is there and answers.
pub(crate) fn answers(program: impl AsRef<OsStr>, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn failed(command: &Command, reason: &str) -> Failure {
    let folder = command.get_current_dir().unwrap_or(Path::new("."));
    let settings: String = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={} ", name.to_str()?, value?.to_str()?)))
        .collect();
    Failure::new(
        format!("failed ({reason})"),
        format!("To run it again:\n  cd {} && {settings}{}", folder.display(), line(command)),
    )
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:@+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_to_run_again() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exit 3"]).current_dir("/tmp").env("A", "b");
        let failure = run(command).unwrap_err();
        assert!(failure.what.contains('3'), "{failure:?}");
        assert_eq!(failure.remedy, "To run it again:\n  cd /tmp && A=b sh -c 'exit 3'");
    }

    #[test]
    fn a_program_that_is_not_there_does_not_answer() {
        assert!(!answers("/nonexistent/program", &[]));
        assert!(answers("true", &[]));
    }
}
