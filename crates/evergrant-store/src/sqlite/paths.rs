//! Where the files of a store lie.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// Links that lead to each other; Linux follows no more either.
const MOST_LINKS: usize = 40;

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
    /// The usual places: everything named after the database, in its directory. A database that is a symbolic link is
    /// followed, also to where there is no file yet: whoever opens one store by different names has to find the same
    /// anchor and to be seen by the others. What is no link keeps the name that it was given.
    pub fn beside(database: &Path) -> Self {
        let database = follow(database);
        let host = with_suffix(&database, ".d");
        Self {
            keys: with_suffix(&database, ".keys"),
            database,
            anchor: host.join("anchor"),
            lifeboat: host.join("lifeboat"),
            holders: host.join("holders"),
        }
    }
}

/// Where a link leads in the end. Links among the directories need no help: all files lie behind the same ones.
fn follow(path: &Path) -> PathBuf {
    let mut end = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&end) else { break };
        end = end.parent().unwrap_or(Path::new("")).join(target);
    }
    end
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_name_of_a_database_leads_to_the_same_files() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        fs::create_dir(place("data")).unwrap();
        symlink("data/store.db", place("relative.db")).unwrap();
        symlink(place("relative.db"), place("absolute.db")).unwrap();
        let expected = Paths::beside(&place("data/store.db"));
        assert_eq!(expected.anchor, place("data/store.db.d/anchor"));
        for exists in [false, true] {
            if exists {
                fs::write(place("data/store.db"), "").unwrap();
            }
            assert_eq!(Paths::beside(&place("relative.db")), expected);
            assert_eq!(Paths::beside(&place("absolute.db")), expected);
        }
    }

    #[test]
    fn a_database_that_is_no_link_keeps_its_name_and_links_in_a_circle_come_to_an_end() {
        assert_eq!(Paths::beside(Path::new("store.db")).database, Path::new("store.db"));
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (directory.path().join("one"), directory.path().join("other"));
        symlink(&one, &other).unwrap();
        symlink(&other, &one).unwrap();
        assert_eq!(Paths::beside(&one).database, one);
    }
}
