//! `cargo xtask lint`: what a reviewer should not have to say.

use crate::{
    Failure, command,
    progress::{self, Step},
    purity, source,
    workspace::Workspace,
};

/// Longest file, in lines before its tests: past that it holds more than one idea.
const MAX_LINES: usize = 600;

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let cargo = |arguments: &'static [&'static str]| command::run(command::cargo(workspace, arguments));
    let mut steps = vec![
        Step::new("formatting", move || cargo(&["fmt", "--all", "--check"])),
        Step::new("file lengths", || file_lengths(workspace)),
        Step::new("clippy, every warning an error", move || {
            cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
        }),
    ];
    steps.extend(purity::steps(workspace));
    if command::answers("cargo-deny", &["--version"]) {
        // Advisories need a database from the network: left to whoever has it.
        steps.push(Step::new("licences, bans and sources of the dependencies", move || {
            cargo(&["deny", "check", "licenses", "bans", "sources"])
        }));
    } else {
        println!("(cargo-deny is not installed: licences and bans of dependencies are left out)");
    }
    progress::run(steps)
}

fn file_lengths(workspace: &Workspace) -> Result<(), Failure> {
    let mut long = Vec::new();
    for folder in ["crates", "fuzz/src", "xtask/src"] {
        for file in source::rust_files(&workspace.path(folder))? {
            let lines = lines_before_tests(&source::read(&file)?);
            if lines > MAX_LINES {
                long.push(format!("{}: {lines} lines", file.display()));
            }
        }
    }
    if long.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("longer than {MAX_LINES} lines before the tests:\n  {}", long.join("\n  ")),
        "Split the file by state or endpoint: one idea a file.",
    ))
}

/// Tests stand last in a file, so everything before their mark is code.
fn lines_before_tests(source: &str) -> usize {
    source.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_do_not_count_towards_the_length_of_a_file() {
        assert_eq!(lines_before_tests("a\nb\n#[cfg(test)]\nmod tests {}\n"), 2);
    }
}
