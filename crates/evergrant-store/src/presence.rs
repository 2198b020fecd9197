//! Which processes that use the store are alive.
//!
//! Each holder keeps an operating-system lock on a file of its own for as long as it lives. The system releases
//! the lock at the very end of the process, however it ends; a process that is only stopped keeps it and counts
//! as alive, since it may go on at any time and send what it was about to send.
//!
//! Invariant: a file is unlinked only by who holds the lock on it and has seen that the path still leads to it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use evergrant_proto::name::HolderId;
use uuid::Uuid;

use crate::durable::{self, FileFault, PRIVATE_FILE};

/// A new id for this process.
pub fn new_holder() -> HolderId {
    HolderId(Uuid::now_v7().as_u128())
}

/// This process as a holder: others see it as alive until this is dropped or the process ends.
#[derive(Debug)]
pub struct Presence {
    directory: PathBuf,
    id: HolderId,
    /// Locked for as long as it is open.
    _lock: File,
}

impl Presence {
    /// Becomes visible as alive in `directory`, which is made where it is missing.
    pub fn register(directory: &Path, id: HolderId) -> Result<Self, FileFault> {
        durable::create_directory(directory)?;
        let path = path_of(directory, id);
        loop {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(PRIVATE_FILE)
                .open(&path)
                .map_err(FileFault::doing("create", &path))?;
            file.lock().map_err(FileFault::doing("lock", &path))?;
            // Between making and locking, another process may have taken the file for that of a dead holder.
            if leads_to(&path, &file)? {
                return Ok(Self { directory: directory.to_owned(), id, _lock: file });
            }
        }
    }

    /// The id of this holder.
    pub fn id(&self) -> HolderId {
        self.id
    }

    /// Whether that holder may still act. What a dead holder left behind is removed on the way.
    pub fn is_alive(&self, holder: HolderId) -> Result<bool, FileFault> {
        if holder == self.id {
            return Ok(true);
        }
        let path = path_of(&self.directory, holder);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(FileFault::doing("read", &path)(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(FileFault::doing("lock", &path)(error)),
        }
        if leads_to(&path, &file)? {
            fs::remove_file(&path).map_err(FileFault::doing("remove", &path))?;
        }
        Ok(false)
    }

    /// All holders that are alive, this one among them; files of dead ones are removed.
    pub fn alive(&self) -> Result<Vec<HolderId>, FileFault> {
        let fault = || FileFault::doing("read", &self.directory);
        let mut alive = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(fault())? {
            let name = entry.map_err(fault())?.file_name();
            let Some(holder) = name.to_str().and_then(|name| name.strip_suffix(".lock")) else { continue };
            let Ok(holder) = holder.parse() else { continue };
            if self.is_alive(holder)? {
                alive.push(holder);
            }
        }
        Ok(alive)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // Still locked here, so this keeps the invariant; left behind, the file would be removed by others.
        let _ = fs::remove_file(path_of(&self.directory, self.id));
    }
}

fn path_of(directory: &Path, holder: HolderId) -> PathBuf {
    directory.join(format!("{holder}.lock"))
}

fn leads_to(path: &Path, file: &File) -> Result<bool, FileFault> {
    let ours = file.metadata().map_err(FileFault::doing("inspect", path))?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileFault::doing("inspect", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        process::{Child, Command, Stdio},
    };

    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

    use super::*;

    fn register(directory: &Path) -> Presence {
        Presence::register(directory, new_holder()).unwrap()
    }

    #[test]
    fn a_holder_is_alive_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (register(directory.path()), register(directory.path()));
        assert!(first.is_alive(second.id()).unwrap());
        assert!(first.is_alive(first.id()).unwrap());
        let gone = second.id();
        drop(second);
        assert!(!first.is_alive(gone).unwrap());
        assert_eq!(first.alive().unwrap(), [first.id()]);
    }

    #[test]
    fn the_file_of_a_dead_holder_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let first = register(directory.path());
        let dead = new_holder();
        fs::write(path_of(directory.path(), dead), "").unwrap();
        assert!(!first.is_alive(dead).unwrap());
        assert!(!path_of(directory.path(), dead).exists());
    }

    #[test]
    fn an_unknown_holder_is_dead_and_a_strange_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let first = register(directory.path());
        fs::write(directory.path().join("README.lock"), "").unwrap();
        assert!(!first.is_alive(new_holder()).unwrap());
        assert_eq!(first.alive().unwrap(), [first.id()]);
        assert!(directory.path().join("README.lock").exists());
    }

    const CHILD_DIRECTORY: &str = "EVERGRANT_TEST_PRESENCE";

    /// The other process of the tests below: this very test, run again with a directory in the environment.
    #[test]
    fn helper_another_process_holds_its_presence() {
        let Some(directory) = std::env::var_os(CHILD_DIRECTORY) else { return };
        let presence = register(Path::new(&directory));
        println!("holder {}", presence.id());
        let _ = io::stdin().lines().next();
    }

    fn spawn(directory: &Path) -> (Child, HolderId) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "presence::tests::helper_another_process_holds_its_presence"])
            .env(CHILD_DIRECTORY, directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let holder = lines.find_map(|line| {
            let line = line.unwrap();
            line.split_once("holder ").map(|(_, id)| id.trim().parse().unwrap())
        });
        (child, holder.unwrap())
    }

    #[test]
    fn a_killed_process_is_dead_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let here = register(directory.path());
        let (mut child, holder) = spawn(directory.path());
        assert!(here.is_alive(holder).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!here.is_alive(holder).unwrap());
    }

    #[test]
    fn a_stopped_process_counts_as_alive() {
        let directory = tempfile::tempdir().unwrap();
        let here = register(directory.path());
        let (mut child, holder) = spawn(directory.path());
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::STOP).unwrap();
        waitpid(Some(pid), WaitOptions::UNTRACED).unwrap();
        assert!(here.is_alive(holder).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
