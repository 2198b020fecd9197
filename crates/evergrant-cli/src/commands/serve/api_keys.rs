//! The API keys of a store: their digests, in a file beside it that only its owner may touch.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use evergrant::proto::name::Namespace;
use evergrant_server::{ApiKey, KnownKey};

use crate::{exit::Exit, failure::Failure, session::Session};

const HEADING: &str = "# API keys of Evergrant: one digest a line, and the namespace that it sees.\n";

/// A million digests would be a mistake.
const LIMIT: u64 = 128 * 1024 * 1024;

/// The keys that are let in.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) known: Vec<KnownKey>,
    /// Made just now, to be shown once.
    pub(super) made: Option<ApiKey>,
}

/// Reads the keys of the session's store; makes one if there is none yet, or if one more is wanted.
pub(super) async fn prepare(session: &Session, one_more: bool) -> Result<Keys, Failure> {
    let mut name = session.location.path().as_os_str().to_owned();
    name.push(".api-keys");
    let (path, namespace) = (PathBuf::from(name), session.namespace.clone());
    let working = tokio::task::spawn_blocking(move || prepare_file(&path, &namespace, one_more));
    working.await.map_err(|error| Failure::new("cannot prepare the API keys", error))?
}

fn prepare_file(path: &Path, namespace: &Namespace, one_more: bool) -> Result<Keys, Failure> {
    let mut known = read(path)?;
    if !known.is_empty() && !one_more {
        return Ok(Keys { known, made: None });
    }
    let made = ApiKey::generate();
    let key = KnownKey { hash: made.hash(), namespace: namespace.clone() };
    append(path, &key).map_err(|error| trouble("cannot write", path, error))?;
    known.push(key);
    Ok(Keys { known, made: Some(made) })
}

fn read(path: &Path) -> Result<Vec<KnownKey>, Failure> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(|error| trouble("cannot read", path, error))?,
    };
    let metadata = file.metadata().map_err(|error| trouble("cannot read", path, error))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Failure::of(
            Exit::StoreUnavailable,
            format!("{} can be reached by other users (mode {mode:04o})", path.display()),
        )
        .advise(format!("chmod 600 {}", path.display())));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(trouble("cannot trust", path, "it belongs to another user"));
    }
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text).map_err(|error| trouble("cannot read", path, error))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(index, line)| {
            parse(line)
                .ok_or_else(|| trouble("cannot read", path, format!("line {} is no digest", index + 1)))
        })
        .collect()
}

fn parse(line: &str) -> Option<KnownKey> {
    let (hash, namespace) = line.split_once(' ')?;
    Some(KnownKey { hash: hash.parse().ok()?, namespace: Namespace::new(namespace).ok()? })
}

fn append(path: &Path, key: &KnownKey) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let line = format!("{} {}\n", key.hash, key.namespace);
    let heading = if file.metadata()?.len() == 0 { HEADING } else { "" };
    file.write_all(format!("{heading}{line}").as_bytes())?;
    file.sync_all()?;
    // The name has to survive a crash as well: the key was shown.
    let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn trouble(what: &str, path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::of(Exit::StoreUnavailable, format!("{what} the API keys in {}: {why}", path.display()))
        .advise("remove the file to start with a new key, or restore it")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_one_more_only_when_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.api-keys");
        let first = prepare_file(&path, &Namespace::default(), false).unwrap();
        assert!(first.made.is_some());
        let second = prepare_file(&path, &Namespace::default(), false).unwrap();
        assert!(second.made.is_none() && second.known == first.known);
        let third = prepare_file(&path, &Namespace::new("team").unwrap(), true).unwrap();
        assert_eq!(third.known.len(), 2);
        assert_eq!(prepare_file(&path, &Namespace::default(), false).unwrap().known, third.known);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(first.made.unwrap().expose()), "only digests are kept");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_could_write_a_key_into_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.api-keys");
        prepare_file(&path, &Namespace::default(), false).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert!(prepare_file(&path, &Namespace::default(), false).unwrap_err().to_string().contains("0620"));
    }

    #[test]
    fn a_damaged_file_lets_nobody_in_and_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.api-keys");
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .unwrap()
            .write_all(b"x\n")
            .unwrap();
        assert!(prepare_file(&path, &Namespace::default(), true).unwrap_err().to_string().contains("line 1"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "x\n");
    }
}
