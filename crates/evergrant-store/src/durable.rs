//! Small files that must survive a crash: made whole or not at all, replaced whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Mode of every file that the store makes: its owner's alone.
pub(crate) const PRIVATE_FILE: u32 = 0o600;
/// Mode of every directory that the store makes.
pub(crate) const PRIVATE_DIRECTORY: u32 = 0o700;

/// A file operation that the system refused. The display names the file, the refusal and what helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {operation} {}: {detail}; {}", path.display(), remedy(*kind))]
pub struct FileFault {
    /// What was tried, as a verb: "read", "write".
    pub operation: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The kind of refusal.
    pub kind: io::ErrorKind,
    /// The system's own words.
    pub detail: String,
}

impl FileFault {
    /// For `map_err`: turns the system's error into this one.
    pub(crate) fn doing(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self { operation, path: path.to_owned(), kind: error.kind(), detail: error.to_string() }
    }
}

fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::PermissionDenied => "run as the user that owns it, or give that user access",
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space on its file system",
        io::ErrorKind::ReadOnlyFilesystem => "use a file system that can be written",
        _ => "check its file system",
    }
}

/// What [`create`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    /// The file is ours, complete and on disk.
    Now,
    /// Somebody made it first; theirs was left alone.
    Before,
}

/// Makes the file with what `fill` writes, on disk when this returns. Another process sees the whole file or
/// none: it is written under another name and then linked, which never replaces.
pub(crate) fn create(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<Created, FileFault> {
    let draft = Draft::write(path, fill)?;
    match fs::hard_link(&draft.path, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Whoever made it may not have come to this yet.
            sync_directory_of(path)?;
            return Ok(Created::Before);
        }
        Err(error) => return Err(FileFault::doing("create", path)(error)),
    }
    drop(draft);
    sync_directory_of(path)?;
    Ok(Created::Now)
}

/// Replaces the file, or makes it; the new one is on disk when this returns.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileFault> {
    let draft = Draft::write(path, |file| file.write_all(bytes))?;
    fs::rename(&draft.path, path).map_err(FileFault::doing("replace", path))?;
    sync_directory_of(path)
}

/// Makes the directory and its parents where they are missing, closed to others; they are on disk when this returns.
pub(crate) fn create_directory(path: &Path) -> Result<(), FileFault> {
    use std::os::unix::fs::DirBuilderExt;
    let is_missing = |directory: &&Path| !directory.as_os_str().is_empty() && !directory.exists();
    let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_DIRECTORY)
        .create(path)
        .map_err(FileFault::doing("create the directory", path))?;
    missing.into_iter().try_for_each(sync_directory_of)
}

fn sync_directory_of(path: &Path) -> Result<(), FileFault> {
    let directory = directory_of(path);
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(FileFault::doing("sync the directory", directory))
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file beside its final place, removed when it did not get there.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn write(target: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<Self, FileFault> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = directory_of(target).join(format!(".{name}.{}", Uuid::now_v7().simple()));
        let mut opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(&path)
            .map_err(FileFault::doing("create", target))?;
        let draft = Self { path };
        fill(&mut opened).and_then(|()| opened.sync_all()).map_err(FileFault::doing("write", target))?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Fails after a rename, when there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
    }
}

/// Why a file with secrets was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsafeFile {
    /// The system refused.
    #[error(transparent)]
    Fault(#[from] FileFault),
    /// A symbolic link could point to a file that others replace.
    #[error("{} is a symbolic link; name the file itself", .0.display())]
    SymbolicLink(PathBuf),
    /// A directory, pipe or device.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// Group or others may read or write it.
    #[error("{} can be reached by other users (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Whoever owns it can read and replace it.
    #[error("{} belongs to user {owner}, not to user {user} who runs this; run: chown {user} {}", path.display(), path.display())]
    ForeignOwner {
        /// The file.
        path: PathBuf,
        /// User id of its owner.
        owner: u32,
        /// User id of this process.
        user: u32,
    },
    /// Far larger than such a file can be.
    #[error("{} is larger than {limit} bytes, so it is not what its name says; check the path", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit: u64,
    },
}

/// Reads a file that only its owner may read. Checked on the opened file, so that it cannot be exchanged
/// between the check and the reading. Nothing there: `None`.
pub(crate) fn read_private(path: &Path, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, UnsafeFile> {
    let Some(mut file) = open_without_following(path)? else { return Ok(None) };
    let metadata = file.metadata().map_err(FileFault::doing("inspect", path))?;
    if !metadata.is_file() {
        return Err(UnsafeFile::NotAFile(path.to_owned()));
    }
    let user = geteuid().as_raw();
    if metadata.uid() != user {
        return Err(UnsafeFile::ForeignOwner { path: path.to_owned(), owner: metadata.uid(), user });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(UnsafeFile::OpenToOthers { path: path.to_owned(), mode });
    }
    // Sized beforehand: a buffer that grows leaves copies of the secret behind.
    let capacity = usize::try_from(metadata.len().min(limit) + 1).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    (&mut file).take(limit + 1).read_to_end(&mut bytes).map_err(FileFault::doing("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(UnsafeFile::TooLarge { path: path.to_owned(), limit });
    }
    Ok(Some(bytes))
}

fn open_without_following(path: &Path) -> Result<Option<File>, UnsafeFile> {
    // Non-blocking: opening a pipe would wait for a writer.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            Err(UnsafeFile::SymbolicLink(path.to_owned()))
        }
        Err(error) => Err(FileFault::doing("read", path)(error).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn creating_never_replaces() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert_eq!(create(&path, |file| file.write_all(b"first")), Ok(Created::Now));
        assert_eq!(create(&path, |file| file.write_all(b"second")), Ok(Created::Before));
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }

    #[test]
    fn a_file_is_closed_to_others_and_leaves_no_draft_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        create(&path, |file| file.write_all(b"first")).unwrap();
        replace(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let fault = create(&path, |_| Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert!(fault.to_string().contains("free space"), "{fault}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_fault_names_the_file_and_the_remedy() {
        let fault = replace(Path::new("/nowhere/at/all"), b"").unwrap_err();
        assert!(fault.to_string().contains("/nowhere/at/all"), "{fault}");
        assert!(fault.to_string().contains("check the path"), "{fault}");
    }
}
