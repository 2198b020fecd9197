//! Where the files of a store lie.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The files of one store. Only `database` must be in backups; `keys` must not be beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The database; SQLite adds `-wal` and `-shm` files beside it.
    pub database: PathBuf,
    /// The key file.
    pub keys: PathBuf,
    /// The anchor.
    pub anchor: PathBuf,
    /// The lifeboat.
    pub lifeboat: PathBuf,
    /// The directory with the locks of living processes.
    pub holders: PathBuf,
}

impl Paths {
    /// The usual places: everything named after the database, in its directory.
    pub fn beside(database: &Path) -> Self {
        let host = with_suffix(database, ".d");
        Self {
            database: database.to_owned(),
            keys: with_suffix(database, ".keys"),
            anchor: host.join("anchor"),
            lifeboat: host.join("lifeboat"),
            holders: host.join("holders"),
        }
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
