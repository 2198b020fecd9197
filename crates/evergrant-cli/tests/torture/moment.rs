//! The moment at which a process is killed.

use std::{collections::BTreeSet, ffi::OsString, path::PathBuf};

use rusqlite::Connection;

use crate::{
    process::until,
    provider::{Hold, Provider},
    world::{World, journalled},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The provider has rotated and holds its answer.
    Held,
    /// An attempt has just been journalled: before, while, or after the request is sent.
    Claimed,
    /// The request has just reached the provider: while the answer is on its way, or being stored.
    Answered,
    /// It has just opened the store.
    Opened,
}

/// Waits for such a moment. Set before whoever shall be killed begins.
pub(crate) struct Watch<'a> {
    provider: &'a Provider,
    /// The journal's newest entry at the beginning.
    seen: u64,
    sign: Sign<'a>,
}

/// What shows that it has come.
enum Sign<'a> {
    Refreshes { held: Option<Hold<'a>> },
    Attempt { peek: Connection, before: i64 },
    Holder { holders: PathBuf, before: BTreeSet<OsString> },
}

impl<'a> Watch<'a> {
    pub(crate) async fn set(world: &'a World, when: When, seen: u64) -> Self {
        let sign = match when {
            When::Held => Sign::Refreshes { held: Some(world.provider.hold_answers(None).await) },
            When::Answered => Sign::Refreshes { held: None },
            When::Claimed => {
                let peek = world.peek();
                Sign::Attempt { before: journalled(&peek), peek }
            }
            When::Opened => {
                let holders = world.data().join("evergrant.sqlite.d/holders");
                Sign::Holder { before: names(&holders), holders }
            }
        };
        Self { provider: &world.provider, seen, sign }
    }

    /// Returns when it has come: where refreshes show it, those of so many of these families.
    pub(crate) async fn come(&self, families: &BTreeSet<u64>, least: usize) {
        let has_come = async || match &self.sign {
            Sign::Refreshes { .. } => self.refreshed(families).await >= least,
            Sign::Attempt { peek, before } => journalled(peek) != *before,
            Sign::Holder { holders, before } => !names(holders).is_subset(before),
        };
        until("the moment comes", async || has_come().await.then_some(())).await;
    }

    async fn refreshed(&self, families: &BTreeSet<u64>) -> usize {
        let (refreshes, _) = self.provider.refreshes_after(self.seen).await;
        let seen: BTreeSet<u64> = refreshes.iter().filter_map(|refresh| refresh.family).collect();
        seen.intersection(families).count()
    }

    /// Lets go what is held; whether it was such a moment.
    pub(crate) async fn over(self) -> bool {
        match self.sign {
            Sign::Refreshes { held: Some(hold) } => {
                hold.release().await;
                true
            }
            _ => false,
        }
    }
}

fn names(directory: &PathBuf) -> BTreeSet<OsString> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}
