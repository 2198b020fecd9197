//! Where a store is.

use std::{
    env, fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::Deserialize;

/// A store as people name it: `sqlite:PATH`, or just the path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct StoreLocation(PathBuf);

/// Why a text names no store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidLocation {
    #[error("the store has no path: write sqlite:/path/to/evergrant.sqlite")]
    Empty,
    #[error("stores of the kind {0:?} are not supported: write sqlite:/path/to/evergrant.sqlite")]
    Kind(String),
    #[error(
        "there is no home directory to keep the store in: give --store sqlite:PATH or set EVERGRANT_STORE"
    )]
    NoHome,
}

impl FromStr for StoreLocation {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        let path = match text.split_once(':') {
            Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
            Some((kind, _)) if !kind.contains(['/', '.']) => {
                return Err(InvalidLocation::Kind(kind.chars().take(40).collect()));
            }
            _ => text,
        };
        if path.is_empty() {
            return Err(InvalidLocation::Empty);
        }
        Ok(Self(path.into()))
    }
}

impl TryFrom<String> for StoreLocation {
    type Error = InvalidLocation;

    fn try_from(text: String) -> Result<Self, InvalidLocation> {
        text.parse()
    }
}

impl StoreLocation {
    /// The place of the XDG base directories for data.
    pub(crate) fn usual() -> Result<Self, InvalidLocation> {
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .ok_or(InvalidLocation::NoHome)?;
        Ok(Self(data.join("evergrant/evergrant.sqlite")))
    }

    /// The database file.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The directory of the store's files.
    pub(crate) fn directory(&self) -> &Path {
        match self.0.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// Makes the directory, for its owner alone, if there is none. Blocks.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(self.directory())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_by_kind_and_path_or_by_its_path_alone() {
        for text in ["sqlite:/a/b.sqlite", "sqlite:///a/b.sqlite", "/a/b.sqlite"] {
            assert_eq!(text.parse::<StoreLocation>().unwrap().path(), Path::new("/a/b.sqlite"), "{text}");
        }
        assert_eq!("b.sqlite".parse::<StoreLocation>().unwrap().directory(), Path::new("."));
    }

    #[test]
    fn a_store_of_another_kind_is_refused_by_name_without_its_credentials() {
        let refused = "postgres://me:canary@host/db".parse::<StoreLocation>().unwrap_err();
        assert_eq!(refused, InvalidLocation::Kind("postgres".to_owned()));
        assert!(!refused.to_string().contains("canary"));
        assert_eq!("sqlite:".parse::<StoreLocation>(), Err(InvalidLocation::Empty));
    }
}
