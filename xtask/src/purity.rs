//! Proof that the sans-IO parts are what they claim: no clock, no I/O, no randomness, no threads, no async.
//!
//! Three independent looks: what the manifests allow, what the resolved dependencies are, what the source says.

mod dependencies;
mod forbidden;
mod layers;
mod paths;

use crate::{
    Failure, command,
    progress::{self, Step},
    source,
    workspace::Workspace,
};

/// The folders whose code is pure.
const PURE: [&str; 3] =
    ["crates/evergrant-explain/src", "crates/evergrant-proto/src", "crates/evergrant-rehearse/src/provider"];
const WASM: &str = "wasm32-unknown-unknown";

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    progress::run(steps(workspace))
}

pub(crate) fn steps(workspace: &Workspace) -> Vec<Step<'_>> {
    let mut steps = vec![
        Step::new("dependencies between our crates point only downwards", move || layers::check(workspace)),
        Step::new("evergrant-proto depends on nothing that is not on its list", || {
            dependencies::check(workspace)
        }),
        Step::new("the pure source reaches no clock, no I/O, no randomness, no async", move || {
            sources(workspace)
        }),
    ];
    if wasm_is_installed() {
        steps.push(Step::new(
            format!("evergrant-proto builds for {WASM}, which has none of them"),
            move || {
                command::run(command::cargo(
                    workspace,
                    &["build", "--package", "evergrant-proto", "--target", WASM],
                ))
            },
        ));
    } else {
        println!("(the target {WASM} is not installed: building evergrant-proto for it is left out)");
    }
    steps
}

fn wasm_is_installed() -> bool {
    let mut rustup = std::process::Command::new("rustup");
    rustup.args(["target", "list", "--installed"]);
    command::answers("rustup", &["--version"])
        && command::output(rustup).is_ok_and(|targets| targets.lines().any(|target| target == WASM))
}

fn sources(workspace: &Workspace) -> Result<(), Failure> {
    let mut findings = Vec::new();
    for folder in PURE {
        for file in source::rust_files(&workspace.path(folder))? {
            let name = file.strip_prefix(workspace.path("")).unwrap_or(&file).display().to_string();
            findings.extend(scan(&name, &source::read(&file)?));
        }
    }
    let complaints = without_exceptions(&findings, &forbidden::EXCEPTIONS);
    if complaints.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("code that must be pure is not:\n  {}", complaints.join("\n  ")),
        format!(
            "Take time as an argument, randomness as bytes, and hand effects out as values; what is harmless \
             all the same goes with its reason into EXCEPTIONS.\nPure are: {}",
            PURE.join(", "),
        ),
    ))
}

/// A forbidden name in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    path: String,
    reason: &'static str,
}

fn scan(file: &str, source: &str) -> Vec<Finding> {
    let finding = |path: &paths::NamedPath| {
        let reason = forbidden::reason(path)?;
        Some(Finding { file: file.to_owned(), line: path.line, path: path.segments.join("::"), reason })
    };
    let mut findings: Vec<_> = paths::paths(&source::tokens(source)).iter().filter_map(finding).collect();
    findings.sort();
    findings.dedup();
    findings
}

/// What is left to complain about: findings without an exception, exceptions without a finding.
fn without_exceptions(findings: &[Finding], exceptions: &[(&str, &str, &str)]) -> Vec<String> {
    let covers = |finding: &Finding, (file, path, _): &(&str, &str, &str)| {
        finding.file == *file && finding.path == *path
    };
    let open =
        findings.iter().filter(|finding| !exceptions.iter().any(|exception| covers(finding, exception)));
    let stale =
        exceptions.iter().filter(|exception| !findings.iter().any(|finding| covers(finding, exception)));
    open.map(|Finding { file, line, path, reason }| format!("{file}:{line}: {path}: {reason}"))
        .chain(stale.map(|(file, path, _)| format!("{file}: the exception for {path} is needed no more")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_found_however_it_is_named() {
        for impure in [
            "fn now() { std::time::SystemTime::now(); }",
            "use std::time::{Duration, Instant};",
            "use std::{fmt, time::SystemTime as Clock};",
            "fn f() { let t = :: std :: time :: Instant::now (); }",
        ] {
            assert_eq!(scan("a.rs", impure).len(), 1, "{impure}: {:?}", scan("a.rs", impure));
        }
    }

    #[test]
    fn files_sockets_threads_and_the_environment_are_found() {
        for impure in [
            "use std::{fmt, fs};",
            "use std::net::TcpStream;",
            "use std::{collections::BTreeMap, {io::{self, Write}}};",
            "fn f() { std::thread::spawn(|| {}); }",
            "fn f() { std::env::var(\"HOME\"); }",
            "use std::process;",
            "use std::*;",
            "fn f() { println!(\"{}\", 1); }",
        ] {
            assert!(!scan("a.rs", impure).is_empty(), "{impure}");
        }
    }

    #[test]
    fn randomness_and_async_are_found() {
        for impure in [
            "fn f() { getrandom::fill(&mut b); }",
            "use aws_lc_rs::rand::SystemRandom;",
            "async fn f() {}",
            "fn f() { x.await }",
            "use tokio::sync::Mutex;",
            "use std::hash::RandomState;",
        ] {
            assert!(!scan("a.rs", impure).is_empty(), "{impure}");
        }
    }

    #[test]
    fn a_finding_names_its_line() {
        let found = scan("a.rs", "//\n\nuse std::fs;");
        assert!(without_exceptions(&found, &[])[0].starts_with("a.rs:3: std::fs: "));
    }

    #[test]
    fn an_exception_covers_one_name_in_one_file_and_does_not_outlive_it() {
        let found = scan("a.rs", "use std::{fs, net};\nuse std::env;");
        let exceptions = [("a.rs", "std::fs", "why"), ("b.rs", "std::env", "why")];
        let complaints = without_exceptions(&found, &exceptions).join("\n");
        assert!(!complaints.contains("std::fs"), "{complaints}");
        assert!(complaints.contains("a.rs:2: std::env"), "{complaints}");
        assert!(complaints.contains("b.rs: the exception for std::env is needed no more"), "{complaints}");
    }

    #[test]
    fn durations_addresses_comments_texts_and_tests_are_pure() {
        for pure in [
            "use std::{fmt, time::Duration};",
            "// std::fs::read\n/* tokio */",
            "const HELP: &str = \"async std::fs\";",
            "#[cfg(test)] mod tests { use std::fs; async fn f() {} }",
            "use std::net::{IpAddr, Ipv4Addr};",
            "const PAGE: &str = include_str!(\"page.md\"); const V: &str = env!(\"CARGO_PKG_VERSION\");",
            "struct S { process: u32, net: u32 } fn f(s: S) { s.process; fs(s.net) }",
        ] {
            assert_eq!(scan("a.rs", pure), [], "{pure}");
        }
    }
}
