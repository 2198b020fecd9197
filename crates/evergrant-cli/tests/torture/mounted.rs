//! File systems of a test's own.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// A mounted file system; dropping it takes it away.
pub(crate) struct Mounted(PathBuf);

/// Tests mount: only root may, and some containers keep even root from it.
#[track_caller]
fn mount(arguments: &[&str], place: &Path) {
    let done =
        Command::new("mount").args(arguments).arg(place).output().expect("the program mount (util-linux)");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "cannot mount: {said}\nRun these tests as root with CAP_SYS_ADMIN (docker run --cap-add SYS_ADMIN)"
    );
}

impl Mounted {
    /// A small disk in memory: 24 MiB, of which the lifeboat of a store takes 16.
    pub(crate) fn small_disk(place: &Path) -> Self {
        mount(&["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs"], place);
        Self(place.to_owned())
    }

    /// What lies in a directory, at its own place, to be read only.
    pub(crate) fn read_only(place: &Path) -> Self {
        let own = place.to_str().unwrap();
        mount(&["--bind", own], place);
        let mounted = Self(place.to_owned());
        mount(&["-o", "remount,bind,ro"], place);
        mounted
    }

    /// Until not one byte more is taken.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.0.join("filler")).unwrap();
        let mut block = vec![0; 1024 * 1024];
        while !block.is_empty() {
            match file.write(&block) {
                Ok(written) if written > 0 => {}
                _ => block.truncate(block.len() / 2),
            }
        }
    }

    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: what was killed may still have it open for a moment.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
