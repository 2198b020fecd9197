//! Every line that can be logged is in docs/operations.md: level, target, message and fields. Whoever searches or alerts
//! by them relies on it.

use std::{fs, path::Path};

/// The crates that are in the program.
const CRATES: [&str; 4] = ["evergrant-cli", "evergrant-server", "evergrant", "evergrant-store"];

#[test]
fn the_manual_lists_every_line_of_the_log_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut emitted = Vec::new();
    for name in CRATES {
        collect(&root.join("crates").join(name).join("src"), &mut emitted);
    }
    emitted.sort();
    emitted.dedup();
    let manual = fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let section = manual.split("\n### Lines\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut documented: Vec<_> =
        section.lines().filter(|line| line.starts_with("| `")).map(str::to_owned).collect();
    documented.sort();
    let missing: Vec<_> = emitted.iter().filter(|line| !documented.contains(line)).collect();
    let gone: Vec<_> = documented.iter().filter(|line| !emitted.contains(line)).collect();
    assert!(missing.is_empty() && gone.is_empty(), "add {missing:#?}\nremove {gone:#?}");
}

fn collect(folder: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, lines);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            for (level, call) in calls(&source) {
                lines.push(row(level, call).unwrap_or_else(|| panic!("{}: {call}", path.display())));
            }
        }
    }
}

/// The calls of `tracing`'s macros: the level, and what stands between the parentheses.
fn calls(source: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for part in source.split("tracing::").skip(1) {
        let Some((level, rest)) = part.split_once("!(") else { continue };
        if !["error", "warn", "info", "debug", "trace"].contains(&level) {
            continue;
        }
        // The message is the last argument, and holds no quotation mark.
        let message = rest.rfind_message().expect("a call ends with its message");
        found.push((level, &rest[..message]));
    }
    found
}

trait Call {
    /// Where the call ends: behind the first text that is not the target.
    fn rfind_message(&self) -> Option<usize>;
}

impl Call for str {
    fn rfind_message(&self) -> Option<usize> {
        let mut from = 0;
        loop {
            let begin = from + self[from..].find('"')?;
            let end = begin + 1 + self[begin + 1..].find('"')?;
            if !self[..begin].trim_end().ends_with("target:") {
                return Some(end + 1);
            }
            from = end + 1;
        }
    }
}

/// As the manual has it.
fn row(level: &str, call: &str) -> Option<String> {
    let (_, rest) = call.split_once("target: \"")?;
    let (target, rest) = rest.split_once('"')?;
    let (fields, message) = rest.trim_end_matches('"').rsplit_once('"')?;
    // A field is the name before its value, or a variable of that name. What is in parentheses belongs to a value.
    let mut depth = 0;
    let outside: String = fields
        .chars()
        .filter(|letter| {
            depth += i32::from(*letter == '(') - i32::from(*letter == ')');
            depth == 0 && *letter != ')'
        })
        .collect();
    let names = outside.split(',').map(|field| {
        let name = field.split('=').next().unwrap_or_default().trim().trim_start_matches(['%', '?']);
        name.rsplit('.').next().unwrap_or_default().to_owned()
    });
    let names: Vec<_> = names.filter(|name| !name.is_empty()).map(|name| format!("`{name}`")).collect();
    Some(format!("| `{target}` | {level} | {message} | {} |", names.join(", ")))
}
