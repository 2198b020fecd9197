//! Where things are.

use std::path::{Path, PathBuf};

/// The repository that this program was built in.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    pub(crate) fn locate() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace");
        Self { root: root.to_owned() }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where the interoperability parties are installed: `EVERGRANT_INTEROP`, by default `target/interop`. Never
    /// inside the source tree.
    pub(crate) fn interop(&self) -> PathBuf {
        match std::env::var_os("EVERGRANT_INTEROP") {
            Some(folder) => PathBuf::from(folder),
            None => self.target().join("interop"),
        }
    }

    fn target(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => self.root.join(folder),
            None => self.root.join("target"),
        }
    }
}
