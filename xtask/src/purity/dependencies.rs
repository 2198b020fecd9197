//! What evergrant-proto is built from, all the way down, against a list that a person has looked at.

use std::collections::BTreeSet;

use crate::{Failure, command, workspace::Workspace};

/// One crate a line; `#` starts the reason.
const ALLOWED: &str = include_str!("evergrant-proto.dependencies");

pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let arguments = ["tree", "--package", "evergrant-proto", "--edges", "normal", "--prefix", "none"];
    let tree = command::output(command::cargo(workspace, &[&arguments[..], &["--format", "{p}"]].concat()))?;
    compare(&resolved(&tree), &allowed(ALLOWED))
}

/// The names in the output of `cargo tree`, without the crate itself.
fn resolved(tree: &str) -> BTreeSet<&str> {
    let names = tree.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "evergrant-proto").collect()
}

fn allowed(list: &str) -> BTreeSet<&str> {
    let names = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    names.filter(|name| !name.is_empty()).collect()
}

fn compare(resolved: &BTreeSet<&str>, allowed: &BTreeSet<&str>) -> Result<(), Failure> {
    let new: Vec<_> = resolved.difference(allowed).copied().collect();
    let gone: Vec<_> = allowed.difference(resolved).copied().collect();
    if new.is_empty() && gone.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("evergrant-proto's dependencies changed: new {new:?}, gone {gone:?}"),
        "Convince yourself that a new one reaches no clock, no I/O and no randomness, then write it with its \
         reason into xtask/src/purity/evergrant-proto.dependencies; take out what is gone.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_that_nobody_looked_at_is_found() {
        let tree = resolved("evergrant-proto v0.1.0 (/x)\nserde v1.0.2\ngetrandom v0.3.1 (*)\n");
        let failure = compare(&tree, &allowed("serde # data\n")).unwrap_err();
        assert!(failure.what.contains("new [\"getrandom\"]"), "{failure:?}");
    }

    #[test]
    fn an_entry_that_nothing_needs_any_more_is_found() {
        let failure = compare(&resolved("serde v1\n"), &allowed("serde\nurl\n")).unwrap_err();
        assert!(failure.what.contains("gone [\"url\"]"), "{failure:?}");
    }

    #[test]
    fn the_list_names_no_crate_that_reaches_the_outside() {
        for impure in ["tokio", "getrandom", "rand", "mio", "socket2", "rustix", "libc", "jiff", "chrono"] {
            assert!(!allowed(ALLOWED).contains(impure), "{impure}");
        }
    }
}
