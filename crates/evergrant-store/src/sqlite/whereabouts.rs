//! Whether the paths of the database still lead to the files that are open.
//!
//! A file that was removed, or replaced by a backup, while it is open goes on taking what is written to it, and nobody
//! will ever read that again: every refresh token that rotates meanwhile would be lost without a sign.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::store::{Reason, Unavailable};

/// The database, its log and the index of that: while a connection is open, nobody rightly replaces any of them.
const SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// Which files were opened: device and inode of each.
#[derive(Debug)]
pub(super) struct Whereabouts(Vec<(PathBuf, (u64, u64))>);

impl Whereabouts {
    /// Those of the database at that path; to be called when it has been read.
    pub(super) fn of(database: &Path) -> Self {
        let named = SUFFIXES.iter().map(|suffix| {
            let mut name = OsString::from(database);
            name.push(suffix);
            PathBuf::from(name)
        });
        Self(named.filter_map(|path| number(&path).map(|number| (path, number))).collect())
    }

    /// Whether each path still leads to the same file.
    pub(super) fn check(&self) -> Result<(), Unavailable> {
        match self.0.iter().find(|(path, opened)| number(path) != Some(*opened)) {
            Some((path, _)) => Err(Unavailable::new(Reason::Moved, path.display())),
            None => Ok(()),
        }
    }
}

/// Not opened for this: that would give up locks.
fn number(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}
