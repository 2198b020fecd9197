//! Where `cargo xtask setup` put the independent parties. Included by test files with `#[path]`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The command of a party, by its name in `interop/README.md`. Panics, and says what to do, when it is not
/// installed: a test that were skipped would look like one that passed.
pub(crate) fn command(party: &str) -> Command {
    let program = folder().join("bin").join(party);
    assert!(
        program.is_file(),
        "{} is not there: run `cargo xtask setup` once (it needs the network)",
        program.display()
    );
    Command::new(program)
}

fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("EVERGRANT_INTEROP") {
        return folder.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a crate lies in crates/NAME");
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |target| root.join(target))
        .join("interop")
}
