//! The commands of one transaction, each decided on what those before it have left.
//!
//! Sealing and spelling out a record takes longer than deciding what becomes of it, and needs no database. Commands about
//! different grants do not see each other, so theirs is done for many at once, on two threads.

use std::{collections::HashSet, thread};

use evergrant_proto::{
    name::GrantId,
    transaction::{Command, Reply},
};
use rusqlite::Connection;

use super::{
    transact::{self, Caches, Decided, Prepared, Surroundings},
    worker::{Broken, Outcomes},
};
use crate::{key::KeyRing, store::StoreError};

/// Fewer are prepared sooner than a second thread has begun.
const WORTH_A_THREAD: usize = 12;

/// Commands that have been decided, and what came of those that have been written.
pub(super) struct Batch<'a> {
    connection: &'a Connection,
    keys: &'a KeyRing,
    caches: &'a mut Caches,
    waiting: Vec<Waiting>,
    /// The grants of those that wait.
    grants: HashSet<GrantId>,
    /// In the order of the commands; empty until it is written.
    outcomes: Vec<Option<Result<Reply, StoreError>>>,
}

/// A command that has been decided and not yet written.
struct Waiting {
    place: usize,
    number: u64,
    decided: Decided,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        keys: &'a KeyRing,
        caches: &'a mut Caches,
        length: usize,
    ) -> Self {
        let (waiting, outcomes) = (Vec::with_capacity(length), Vec::with_capacity(length));
        Self { connection, keys, caches, waiting, grants: HashSet::new(), outcomes }
    }

    /// Decides a command, whose change gets this number. `Err`: the transaction has to be rolled back.
    pub(super) fn add(
        &mut self,
        surroundings: &Surroundings<'_>,
        command: &Command,
        number: u64,
    ) -> Result<(), Broken> {
        let grant = of_one_grant(command);
        if grant.is_none_or(|grant| !self.grants.insert(grant)) {
            self.write()?;
            self.grants.extend(grant);
        }
        match transact::decide(self.connection, surroundings, self.caches, command) {
            Ok(decided) => {
                let alone = grant.is_none() || !decided.is_about_one_grant();
                self.waiting.push(Waiting { place: self.outcomes.len(), number, decided });
                self.outcomes.push(None);
                if alone { self.write() } else { Ok(()) }
            }
            // SQLite gives up the whole transaction by itself where the disk fails.
            Err(error) if self.connection.is_autocommit() => Err(Broken::Spoilt(error)),
            Err(error) => {
                self.outcomes.push(Some(Err(error)));
                Ok(())
            }
        }
    }

    /// Writes what waits; returns what to tell those who asked.
    pub(super) fn finish(mut self) -> Result<Outcomes, Broken> {
        self.write()?;
        Ok(self.outcomes.into_iter().flatten().collect())
    }

    fn write(&mut self) -> Result<(), Broken> {
        self.grants.clear();
        for (place, prepared) in prepare(std::mem::take(&mut self.waiting), self.keys) {
            let reply = prepared.write(self.connection, self.keys, self.caches);
            self.outcomes[place] = Some(Ok(reply.map_err(Broken::Spoilt)?));
        }
        Ok(())
    }
}

/// The grant that a command is about, if what is decided depends on nothing else that a command could change but its
/// client.
fn of_one_grant(command: &Command) -> Option<GrantId> {
    let plain = command.attempt().is_some()
        || matches!(command, Command::Claim(_) | Command::Postpone(_) | Command::Reject(_));
    command.subjects().grant.filter(|_| plain)
}

fn prepare(mut waiting: Vec<Waiting>, keys: &KeyRing) -> Vec<(usize, Prepared)> {
    let prepare_all = |waiting: Vec<Waiting>| -> Vec<_> {
        let prepare = |Waiting { place, number, decided }| (place, decided.prepare(keys, number));
        waiting.into_iter().map(prepare).collect()
    };
    if waiting.len() < WORTH_A_THREAD {
        return prepare_all(waiting);
    }
    let second_half = waiting.split_off(waiting.len() / 2);
    thread::scope(|scope| {
        let second = scope.spawn(|| prepare_all(second_half));
        let mut prepared = prepare_all(waiting);
        prepared.extend(second.join().expect("records can be sealed and spelt out"));
        prepared
    })
}
