//! Keys from a file that only its owner may read.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use evergrant_proto::time::Timestamp;

use super::{KeyRing, MalformedKeys, MasterKey, text};
use crate::durable::{self, FileFault};

pub use crate::durable::UnsafeFile;

/// More than a thousand keys.
const LIMIT: u64 = 128 * 1024;

/// Why a key file gave no keys. Each display names the file and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// There is none, and the caller did not want one made.
    #[error("the key file {} does not exist; restore it from its copy: without it nothing in the store can be read", .0.display())]
    Missing(PathBuf),
    /// Reading it would be unsafe, or the system refused.
    #[error("the key file cannot be used: {0}")]
    Unsafe(#[from] UnsafeFile),
    /// Its content is not what it should be.
    #[error("the key file {} cannot be used: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: MalformedKeys,
    },
}

impl From<FileFault> for KeyFileError {
    fn from(fault: FileFault) -> Self {
        Self::Unsafe(fault.into())
    }
}

/// Reads the keys of an existing store. A missing file is an error: a new key would open nothing.
pub fn load(path: &Path) -> Result<KeyRing, KeyFileError> {
    let bytes = durable::read_private(path, LIMIT)?;
    let bytes = bytes.ok_or_else(|| KeyFileError::Missing(path.to_owned()))?;
    let malformed = |reason| KeyFileError::Malformed { path: path.to_owned(), reason };
    let text = str::from_utf8(&bytes).map_err(|_| malformed(MalformedKeys::NotAKeyFile))?;
    text::parse(text).map_err(malformed)
}

/// Reads the keys of a new store; a file that does not exist is made with one new key, for its owner alone.
/// When several processes come first at once, one key wins and all get it.
pub fn load_or_create(path: &Path, now: Timestamp) -> Result<KeyRing, KeyFileError> {
    match load(path) {
        Err(KeyFileError::Missing(_)) => {}
        outcome => return outcome,
    }
    let ring = KeyRing::new(MasterKey::generate(now), []);
    durable::create(path, |file| file.write_all(text::print(&ring).as_bytes()))?;
    load(path)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, chown, symlink},
        thread,
    };

    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        (directory, path)
    }

    #[test]
    fn the_file_is_made_once_with_mode_0600() {
        let (_directory, path) = place();
        let first = load_or_create(&path, Timestamp(1_000)).unwrap();
        let second = load_or_create(&path, Timestamp(2_000)).unwrap();
        assert_eq!(first.status(), second.status());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    }

    #[test]
    fn processes_that_come_first_together_get_the_same_key() {
        let (_directory, path) = place();
        let ids: Vec<_> = thread::scope(|scope| {
            let load = || load_or_create(&path, Timestamp(1_000)).unwrap().primary().id();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_command_that_helps() {
        let (_directory, path) = place();
        load_or_create(&path, Timestamp(1_000)).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = load(&path).unwrap_err();
            assert_eq!(error, KeyFileError::Unsafe(UnsafeFile::OpenToOthers { path: path.clone(), mode }));
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
        }
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let (_directory, path) = place();
        load_or_create(&path, Timestamp(1_000)).unwrap();
        if chown(&path, Some(12_345), None).is_err() {
            // Only root can give a file away; the rule is the same for everyone.
            assert_ne!(rustix::process::geteuid().as_raw(), 0);
            return;
        }
        let error = load(&path).unwrap_err();
        assert!(
            matches!(error, KeyFileError::Unsafe(UnsafeFile::ForeignOwner { owner: 12_345, .. })),
            "{error}"
        );
    }

    #[test]
    fn a_symbolic_link_is_refused_even_to_a_good_file() {
        let (directory, path) = place();
        load_or_create(&path, Timestamp(1_000)).unwrap();
        let link = directory.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(load(&link).unwrap_err(), KeyFileError::Unsafe(UnsafeFile::SymbolicLink(link.clone())));
        assert!(load_or_create(&link, Timestamp(1_000)).is_err());
    }

    #[test]
    fn a_directory_a_pipe_and_an_oversized_file_are_refused() {
        let (directory, path) = place();
        assert!(matches!(load(directory.path()), Err(KeyFileError::Unsafe(UnsafeFile::NotAFile(_)))));
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(matches!(load(&path), Err(KeyFileError::Unsafe(UnsafeFile::NotAFile(_)))));
        fs::remove_file(&path).unwrap();
        load_or_create(&path, Timestamp(1_000)).unwrap();
        fs::write(&path, vec![b'#'; 200 * 1024]).unwrap();
        assert!(matches!(load(&path), Err(KeyFileError::Unsafe(UnsafeFile::TooLarge { .. }))));
    }

    #[test]
    fn an_existing_store_never_gets_a_new_key() {
        let (_directory, path) = place();
        assert_eq!(load(&path).unwrap_err(), KeyFileError::Missing(path.clone()));
        assert!(!path.exists());
    }

    #[test]
    fn an_error_never_repeats_the_content() {
        let (_directory, path) = place();
        load_or_create(&path, Timestamp(1_000)).unwrap();
        fs::write(&path, "evergrant-keys 1\nkey canary canary\n").unwrap();
        let error = load(&path).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}
