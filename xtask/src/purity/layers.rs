//! Which of our crates may stand on which: only on those below.

use std::fs;

use crate::{Failure, source, workspace::Workspace};

/// A crate, the crates of ours that it may use, and those that its tests may use besides.
struct Layer {
    name: &'static str,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
}

const REHEARSE: &[&str] = &["evergrant-rehearse"];

/// From the bottom up. The rehearsal server uses nothing of ours, in its tests neither: it is the independent
/// oracle, and an oracle that shares code with what it judges shares its mistakes.
const LAYERS: [Layer; 9] = [
    Layer { name: "evergrant-sabotage", uses: &[], tests_use: &[] },
    // Only with its feature `sabotage`, which nothing that ships enables: its dependencies are listed without.
    Layer { name: "evergrant-proto", uses: &["evergrant-sabotage"], tests_use: &[] },
    Layer { name: "evergrant-explain", uses: &["evergrant-proto"], tests_use: &[] },
    Layer { name: "evergrant-rehearse", uses: &[], tests_use: &[] },
    Layer { name: "evergrant-store", uses: &["evergrant-proto"], tests_use: &[] },
    Layer { name: "evergrant", uses: &["evergrant-proto", "evergrant-store"], tests_use: REHEARSE },
    Layer {
        name: "evergrant-server",
        uses: &["evergrant", "evergrant-explain", "evergrant-proto"],
        tests_use: &["evergrant-rehearse", "evergrant-store"],
    },
    Layer {
        name: "evergrant-cli",
        uses: &[
            "evergrant",
            "evergrant-explain",
            "evergrant-proto",
            "evergrant-rehearse",
            "evergrant-server",
            "evergrant-store",
        ],
        tests_use: &[],
    },
    Layer {
        name: "evergrant-simulation",
        uses: &["evergrant-proto", "evergrant-rehearse", "evergrant-sabotage", "evergrant-store"],
        tests_use: &[],
    },
];

pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let folder = workspace.path("crates");
    let entries = fs::read_dir(&folder)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", folder.display()), ""))?;
    let mut complaints = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        complaints.extend(complaints_about(&name, &source::read(&entry.path().join("Cargo.toml"))?));
    }
    if complaints.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        complaints.join("\n"),
        "Move the code to where it may depend on what it needs; a new crate needs its line in xtask/src/purity/layers.rs.",
    ))
}

fn complaints_about(name: &str, manifest: &str) -> Vec<String> {
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![format!("nobody has said yet where {name} stands")];
    };
    let forbidden = |(section, dependency): &(Section, String)| {
        let in_tests = *section == Section::Tests && layer.tests_use.contains(&dependency.as_str());
        !layer.uses.contains(&dependency.as_str()) && !in_tests
    };
    let found = own_dependencies(manifest).into_iter().filter(forbidden);
    found.map(|(_, dependency)| format!("{name} may not depend on {dependency}")).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Code,
    Tests,
}

/// The crates of ours that a manifest names: as keys of a dependency table or as tables of their own, under
/// whatever target.
fn own_dependencies(manifest: &str) -> Vec<(Section, String)> {
    let mut section = None;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            let (table, own) = match header.rsplit_once("dependencies.") {
                Some((kind, name)) => (format!("{kind}dependencies"), Some(name)),
                None => (header.to_owned(), None),
            };
            section = section_of(&table);
            found.extend(section.zip(own.filter(|name| is_ours(name)).map(str::to_owned)));
        } else if let Some(section) = section {
            let key = line.split(['.', '=', ' ']).next().unwrap_or_default().trim_matches('"');
            if is_ours(key) {
                found.push((section, key.to_owned()));
            }
        }
    }
    found
}

fn section_of(table: &str) -> Option<Section> {
    match table.rsplit('.').next().unwrap_or_default() {
        "dependencies" | "build-dependencies" => Some(Section::Code),
        "dev-dependencies" => Some(Section::Tests),
        _ => None,
    }
}

fn is_ours(name: &str) -> bool {
    name == "evergrant" || name.starts_with("evergrant-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_that_points_upwards_is_found() {
        assert_eq!(
            complaints_about("evergrant-store", "[dependencies]\nevergrant.workspace = true\n"),
            ["evergrant-store may not depend on evergrant"]
        );
    }

    #[test]
    fn the_oracle_shares_no_code_with_what_it_judges_in_its_tests_neither() {
        for manifest in [
            "[dependencies]\nevergrant-proto = { path = \"../evergrant-proto\" }",
            "[dev-dependencies]\nevergrant-proto.workspace = true",
            "[target.'cfg(unix)'.dependencies]\nevergrant-proto.workspace = true",
            "[dependencies.evergrant-proto]\nworkspace = true",
            "[build-dependencies]\n\"evergrant-proto\" = \"1\"",
        ] {
            assert_eq!(complaints_about("evergrant-rehearse", manifest).len(), 1, "{manifest}");
        }
    }

    #[test]
    fn tests_may_use_the_oracle_and_code_may_not() {
        let manifest = |section: &str| format!("[{section}]\nevergrant-rehearse.workspace = true");
        assert_eq!(complaints_about("evergrant", &manifest("dev-dependencies")), Vec::<String>::new());
        assert_eq!(complaints_about("evergrant", &manifest("dependencies")).len(), 1);
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(complaints_about("evergrant-common", "").len(), 1);
    }

    #[test]
    fn the_layers_stand_on_nothing_above_them() {
        for (index, layer) in LAYERS.iter().enumerate() {
            for used in layer.uses {
                assert!(
                    LAYERS[..index].iter().any(|below| below.name == *used),
                    "{} uses {used}",
                    layer.name
                );
            }
        }
    }
}
