//! A file outside the database that notices a restored backup or a copy of the store.
//!
//! A database that goes back in time brings back refresh tokens that are already spent, and presenting one of
//! them can end its grant. So the newest state is remembered outside: the id of the store, its epoch and a
//! high-water mark, the number of a change that the database is known to have made. A database that does not
//! reach the mark is older than its anchor.
//!
//! The mark follows the database with a delay and is therefore a lower bound: it proves that a database is too
//! old, never that it is the newest. A restore that brings the anchor back with it cannot be noticed.

use std::{fmt, path::PathBuf, str::FromStr};

use aws_lc_rs::digest;
use uuid::Uuid;

use crate::{
    durable::{self, FileFault, UnsafeFile},
    random,
};

const TITLE: &str = "evergrant-anchor 1";
const LIMIT: u64 = 4 * 1024;

/// Names a store for as long as it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(pub Uuid);

/// A random number that is part of every condition; a store that was adopted after a restore gets a new one, so
/// that whatever was begun before can no longer be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u128);

impl StoreId {
    /// A new id.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Epoch {
    /// A new epoch from the system's random source.
    pub fn generate() -> Self {
        let mut bytes = [0; 16];
        random::fill(&mut bytes);
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// A text that is not what its place in a file or database asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not an id of a store or epoch")]
pub struct InvalidId;

impl FromStr for StoreId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
    }
}

impl FromStr for Epoch {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        number.map(Self).ok_or(InvalidId)
    }
}

/// What the anchor remembers, or what the database says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Which store.
    pub store: StoreId,
    /// Its epoch.
    pub epoch: Epoch,
    /// The number of a change that the database has made.
    pub high_water: u64,
}

/// What comparing the anchor with the database shows. Everything but `Matching` quarantines the store: it
/// serves, refreshes nothing, and waits for `evergrant store adopt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnchorState {
    /// The database is at least as new as the anchor.
    Matching,
    /// No anchor: the database was copied from somewhere else, or the file was lost.
    Missing,
    /// The database is older than the anchor: a backup was restored.
    Ahead,
    /// The anchor belongs to another store.
    OtherStore,
}

impl AnchorState {
    const ALL: [Self; 4] = [Self::Matching, Self::Missing, Self::Ahead, Self::OtherStore];

    /// A short name, as the database keeps it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Matching => "matching",
            Self::Missing => "missing",
            Self::Ahead => "ahead",
            Self::OtherStore => "other_store",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for AnchorState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Matching => "the store matches its anchor",
            Self::Missing => "the store has no anchor: it was copied here, or the anchor file was lost",
            Self::Ahead => "the store is older than its anchor: a backup was restored",
            Self::OtherStore => "the anchor belongs to another store",
        })
    }
}

/// Why the anchor could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// Reading it would be unsafe, or the system refused.
    #[error("the anchor cannot be used: {0}")]
    Unsafe(#[from] UnsafeFile),
    /// It is damaged or something else.
    #[error("the anchor {} is damaged; remove it, then run: evergrant store adopt", .0.display())]
    Malformed(PathBuf),
}

impl From<FileFault> for AnchorError {
    fn from(fault: FileFault) -> Self {
        Self::Unsafe(fault.into())
    }
}

/// The anchor file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    path: PathBuf,
}

impl Anchor {
    /// The anchor at that path; nothing is read or written yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Compares the anchor with what the database says of itself. To be called while no other process can write
    /// to the database: one that did, and raised the anchor, would make the caller's knowledge look old.
    pub fn compare(&self, database: &Mark) -> Result<AnchorState, AnchorError> {
        let Some(anchor) = self.read()? else { return Ok(AnchorState::Missing) };
        if anchor.store != database.store {
            return Ok(AnchorState::OtherStore);
        }
        // Another epoch: the backup is from before an adoption, or an adoption did not come to its end.
        let behind = anchor.high_water > database.high_water || anchor.epoch != database.epoch;
        Ok(if behind { AnchorState::Ahead } else { AnchorState::Matching })
    }

    /// What the file says, if there is one.
    pub fn read(&self) -> Result<Option<Mark>, AnchorError> {
        let Some(bytes) = durable::read_private(&self.path, LIMIT)? else { return Ok(None) };
        let mark = str::from_utf8(&bytes).ok().and_then(parse);
        mark.map(Some).ok_or_else(|| AnchorError::Malformed(self.path.clone()))
    }

    /// Replaces the file, whole; the new one is on disk when this returns.
    pub fn write(&self, mark: &Mark) -> Result<(), FileFault> {
        durable::replace(&self.path, print(mark).as_bytes())
    }

    /// Raises the mark of an anchor that belongs to this database. An anchor that is missing, belongs to another
    /// store or is already higher stays as it is: another process may know more, and only an adoption may decide
    /// otherwise.
    pub fn raise(&self, mark: &Mark) -> Result<(), AnchorError> {
        match self.read()? {
            Some(anchor)
                if anchor.store == mark.store
                    && anchor.epoch == mark.epoch
                    && anchor.high_water < mark.high_water =>
            {
                Ok(self.write(mark)?)
            }
            _ => Ok(()),
        }
    }
}

fn print(mark: &Mark) -> String {
    let body = body(mark);
    let checksum = checksum(&body);
    format!("{body}checksum {checksum}\n")
}

fn parse(text: &str) -> Option<Mark> {
    let fields: Vec<_> = text.strip_prefix(TITLE)?.split_ascii_whitespace().collect();
    let &["store", store, "epoch", epoch, "high-water", high_water, "checksum", _] = fields.as_slice() else {
        return None;
    };
    let mark =
        Mark { store: store.parse().ok()?, epoch: epoch.parse().ok()?, high_water: high_water.parse().ok()? };
    (print(&mark) == text).then_some(mark)
}

fn body(mark: &Mark) -> String {
    let Mark { store, epoch, high_water } = mark;
    format!("{TITLE}\nstore {store}\nepoch {epoch}\nhigh-water {high_water}\n")
}

fn checksum(body: &str) -> String {
    let digest = digest::digest(&digest::SHA256, body.as_bytes());
    let (first, _) = digest.as_ref().split_first_chunk().expect("a SHA-256 digest has 32 bytes");
    format!("{:016x}", u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mark(high_water: u64) -> Mark {
        Mark { store: StoreId(Uuid::from_u128(1)), epoch: Epoch(7), high_water }
    }

    fn anchor() -> (tempfile::TempDir, Anchor) {
        let directory = tempfile::tempdir().unwrap();
        let anchor = Anchor::at(directory.path().join("anchor"));
        (directory, anchor)
    }

    #[test]
    fn a_database_at_or_after_the_mark_matches() {
        let (_directory, anchor) = anchor();
        anchor.write(&mark(5)).unwrap();
        assert_eq!(anchor.read(), Ok(Some(mark(5))));
        assert_eq!(anchor.compare(&mark(5)), Ok(AnchorState::Matching));
        assert_eq!(anchor.compare(&mark(6)), Ok(AnchorState::Matching));
    }

    #[test]
    fn a_restored_backup_is_behind_its_anchor() {
        let (_directory, anchor) = anchor();
        anchor.write(&mark(5)).unwrap();
        assert_eq!(anchor.compare(&mark(4)), Ok(AnchorState::Ahead));
        assert_eq!(anchor.compare(&Mark { epoch: Epoch(8), ..mark(9) }), Ok(AnchorState::Ahead));
    }

    #[test]
    fn a_copy_without_or_with_a_foreign_anchor_is_noticed() {
        let (_directory, anchor) = anchor();
        assert_eq!(anchor.compare(&mark(5)), Ok(AnchorState::Missing));
        anchor.write(&Mark { store: StoreId(Uuid::from_u128(2)), ..mark(5) }).unwrap();
        assert_eq!(anchor.compare(&mark(5)), Ok(AnchorState::OtherStore));
    }

    #[test]
    fn the_mark_is_only_ever_raised_and_only_for_its_own_store() {
        let (_directory, anchor) = anchor();
        anchor.raise(&mark(5)).unwrap();
        assert_eq!(anchor.read(), Ok(None));
        anchor.write(&mark(5)).unwrap();
        anchor.raise(&mark(4)).unwrap();
        anchor.raise(&Mark { epoch: Epoch(8), ..mark(9) }).unwrap();
        anchor.raise(&Mark { store: StoreId(Uuid::from_u128(2)), ..mark(9) }).unwrap();
        assert_eq!(anchor.read(), Ok(Some(mark(5))));
        anchor.raise(&mark(6)).unwrap();
        assert_eq!(anchor.read(), Ok(Some(mark(6))));
    }

    #[test]
    fn a_damaged_anchor_is_an_error_and_not_a_missing_one() {
        let (_directory, anchor) = anchor();
        anchor.write(&mark(55)).unwrap();
        let good = fs::read_to_string(&anchor.path).unwrap();
        for damaged in ["", TITLE, &good.replace("high-water 55", "high-water 54"), &good[..good.len() - 3]] {
            fs::write(&anchor.path, damaged).unwrap();
            assert_eq!(anchor.read(), Err(AnchorError::Malformed(anchor.path.clone())), "{damaged}");
        }
    }
}
