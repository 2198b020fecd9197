//! Batches of commands, each batch one transaction.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    slice,
    sync::Arc,
    time::Duration,
};

use evergrant_proto::{
    grant::StoreTime,
    time::Timestamp,
    transaction::{Command, Reply},
};
use rusqlite::{Connection, ErrorCode};
use tokio::sync::watch;

use super::{
    connect,
    identity::{self, Identity},
    imports,
    retention::{self, Retention, Sweep},
    transact::{Caches, Decide, Decided, Surroundings},
    whereabouts::Whereabouts,
};
use crate::{
    anchor::{Anchor, Epoch},
    clock::LeaseClock,
    key::KeyRing,
    lifeboat::Lifeboat,
    presence::Presence,
    store::{Reason, StoreError, Unavailable},
};

/// The anchor is raised at most this often while commands keep coming.
const ANCHOR_EVERY: Duration = Duration::from_secs(1);

/// What a worker is made of.
pub(super) struct Worker {
    pub(super) path: PathBuf,
    /// Which files are open.
    pub(super) whereabouts: Whereabouts,
    pub(super) lock_wait: Duration,
    pub(super) connection: Connection,
    pub(super) keys: Arc<KeyRing>,
    pub(super) presence: Arc<Presence>,
    pub(super) lifeboat: Arc<Lifeboat>,
    pub(super) clock: Arc<dyn LeaseClock>,
    pub(super) anchor: Anchor,
    /// As of the newest batch.
    pub(super) identity: Identity,
    pub(super) caches: Caches,
    pub(super) events: Retention,
    pub(super) sweep: Sweep,
    /// The newest change that the anchor knows of, and when it was told.
    pub(super) anchored: (u64, Option<StoreTime>),
    /// Changes after what was written.
    pub(super) news: watch::Sender<()>,
    /// How a transaction is ended; tests make it fail.
    pub(super) commit: fn(&Connection) -> rusqlite::Result<()>,
    /// How a command is decided; tests make it panic.
    pub(super) decide: Decide,
}

impl fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Worker")
            .field("path", &self.path)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

pub(super) type Outcomes = Vec<Result<Reply, StoreError>>;

/// Why a batch did not come to its end.
pub(super) enum Broken {
    /// Nothing of it was or will be written: the store is away.
    Undone(StoreError),
    /// Nothing of it was or will be written, since one of its commands could not be.
    Spoilt(StoreError),
    /// The disk failed during the commit: it may be read back after a crash.
    InDoubt(Unavailable),
}

impl From<Broken> for StoreError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Undone(error) | Broken::Spoilt(error) => error,
            Broken::InDoubt(fault) => Self::Ambiguous(fault),
        }
    }
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        Self::Undone(error.into())
    }
}

pub(super) fn commit(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("COMMIT")
}

impl Worker {
    /// Executes commands in one transaction; what is `Ok` is durable. A command that fails leaves the others alone.
    pub(super) fn execute(&mut self, commands: &[Command]) -> Outcomes {
        // Work of another kind may have come alone: a commit of nothing waits for the disk all the same.
        let outcomes = if commands.is_empty() { Outcomes::new() } else { self.run(commands) };
        self.tell(outcomes.iter().any(Result::is_ok));
        let now = self.clock.now();
        let rests = self.anchored.1.is_some_and(|told| !now.is_past(told.plus(ANCHOR_EVERY)));
        if !rests {
            self.raise_anchor();
        }
        outcomes
    }

    /// Wakes those who wait for what this process writes.
    pub(super) fn tell(&self, written: bool) {
        if written {
            self.news.send_replace(());
        }
    }

    /// Whether the anchor knows of all that this process has written.
    pub(super) fn is_anchored(&self) -> bool {
        self.anchored.0 >= self.identity.change || self.identity.quarantine.is_some()
    }

    /// Tells the anchor how far the store has come. A failure is only reported: the anchor is a lower bound.
    pub(super) fn raise_anchor(&mut self) {
        if self.is_anchored() {
            return;
        }
        if let Err(error) = self.anchor.raise(&self.identity.mark()) {
            tracing::warn!(target: "evergrant::store", %error, "the anchor could not be raised");
        }
        self.anchored = (self.identity.change, Some(self.clock.now()));
    }

    /// Gives the store a new epoch, and the anchor with it. Nothing that was begun before can be completed.
    pub(super) fn adopt(&mut self) -> Result<Identity, StoreError> {
        self.begin()?;
        let outcome = self.adopt_within();
        if outcome.is_err() {
            self.roll_back();
        }
        outcome
    }

    fn adopt_within(&mut self) -> Result<Identity, StoreError> {
        let epoch = Epoch::generate();
        identity::adopt(&self.connection, epoch)?;
        let adopted = identity::read(&self.connection)?;
        // Before the commit: an anchor that is too new quarantines the store again, one that is too old would not.
        self.anchor.write(&adopted.mark()).map_err(|fault| Unavailable::new(Reason::Denied, fault))?;
        (self.commit)(&self.connection)?;
        self.identity = adopted;
        self.anchored = (adopted.change, Some(self.clock.now()));
        Ok(adopted)
    }

    /// Forgets a batch of old events; whether there may be more. One that cannot be forgotten now is left to the next sweep.
    pub(super) fn prune(&mut self, wall: Timestamp) -> Result<bool, StoreError> {
        // A store that may be a copy is left as it is, and so is one that belongs to others now.
        let identity = identity::read(&self.connection)?;
        if identity.quarantine.is_some() || identity.epoch != self.identity.epoch {
            return Ok(false);
        }
        let found = self.sweep.step(&self.connection, self.events, wall)?;
        if !found.outdated.is_empty() {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            let forgotten = retention::forget(&self.connection, &found.outdated);
            if let Err(error) = forgotten.and_then(|()| (self.commit)(&self.connection)) {
                self.roll_back();
                return Err(error.into());
            }
        }
        Ok(found.more)
    }

    /// Executes commands together, or one by one if they cannot be written together.
    fn run(&mut self, commands: &[Command]) -> Outcomes {
        match (self.transaction(commands), commands) {
            (Ok(outcomes), _) => outcomes,
            (Err(Broken::InDoubt(fault)), _) => self.settle(commands, &fault),
            (Err(Broken::Spoilt(_)), [_, _, ..]) => {
                commands.iter().flat_map(|command| self.run(slice::from_ref(command))).collect()
            }
            (Err(Broken::Undone(error) | Broken::Spoilt(error)), _) => {
                commands.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }

    /// Begins a transaction, if anybody will ever read what it writes.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        self.whereabouts.check()?;
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    fn transaction(&mut self, commands: &[Command]) -> Result<Outcomes, Broken> {
        self.begin().map_err(Broken::Undone)?;
        let (outcomes, identity) = self.fill(commands).inspect_err(|_| self.roll_back())?;
        if let Err(error) = (self.commit)(&self.connection) {
            self.roll_back();
            return Err(if may_have_landed(&error) { Broken::InDoubt(error.into()) } else { error.into() });
        }
        self.identity = identity;
        Ok(outcomes)
    }

    /// The store as it is now, if it is still the one that was opened. What others have changed is remembered no longer.
    pub(super) fn recognized(&mut self) -> Result<Identity, StoreError> {
        let identity = identity::read(&self.connection)?;
        if identity.epoch != self.identity.epoch {
            let adopted = Unavailable::new(Reason::Adopted, format_args!("its epoch is {}", identity.epoch));
            return Err(adopted.into());
        }
        if identity.change != self.identity.change {
            self.caches.disturb();
        }
        Ok(identity)
    }

    pub(super) fn fill(&mut self, commands: &[Command]) -> Result<(Outcomes, Identity), Broken> {
        let mut identity = self.recognized().map_err(Broken::Undone)?;
        let (keys, now) = (&self.keys, self.clock.now());
        let surroundings = Surroundings::new(keys, &self.presence, &self.lifeboat, &identity, now);
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            identity.change += 1;
            let decided = survive(self.decide, &self.connection, &surroundings, &mut self.caches, command);
            let outcome = decided.map(|decided| {
                let reply = decided.write(&self.connection, &self.keys, &mut self.caches, identity.change)?;
                imports::remember(&self.connection, &self.keys, command, identity.change)?;
                Ok(reply)
            });
            outcomes.push(match outcome {
                Ok(written) => Ok(written.map_err(Broken::Spoilt)?),
                // SQLite gives up the whole transaction by itself where the disk fails.
                Err(error) if self.connection.is_autocommit() => return Err(Broken::Spoilt(error)),
                Err(error) => Err(error),
            });
        }
        identity::set_change(&self.connection, identity.change)?;
        Ok((outcomes, identity))
    }

    /// After a commit of unknown fate: what can be executed twice is executed again, on a fresh connection, and
    /// finds its own traces if the commit has landed. The rest stays in doubt: a request that was not surely
    /// journalled is not sent.
    fn settle(&mut self, commands: &[Command], fault: &Unavailable) -> Outcomes {
        if let Ok(connection) = connect::open_writer(&self.path, self.lock_wait) {
            self.connection = connection;
        }
        let repeatable: Vec<_> = commands.iter().filter(|command| is_repeatable(command)).cloned().collect();
        let repeated = self.transaction(&repeatable).unwrap_or_default();
        let mut repeated = repeated.into_iter();
        commands
            .iter()
            .map(|command| {
                let again = if is_repeatable(command) { repeated.next() } else { None };
                again.unwrap_or_else(|| Err(StoreError::Ambiguous(fault.clone())))
            })
            .collect()
    }

    pub(super) fn roll_back(&mut self) {
        self.caches.clear();
        if !self.connection.is_autocommit() {
            // SQLite has rolled back by itself if this fails.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}

/// Decides a command. A panic is the answer to this command alone: it would end the thread that writes, and with it every
/// later write of this process; and the lifeboat, where its success then goes, would end the next process as well.
fn survive(
    decide: Decide,
    connection: &Connection,
    surroundings: &Surroundings<'_>,
    caches: &mut Caches,
    command: &Command,
) -> Result<Decided, StoreError> {
    // Whole again afterwards: nothing is written before a command is decided, and what is remembered is forgotten.
    let deciding = AssertUnwindSafe(|| decide(connection, surroundings, caches, command));
    catch_unwind(deciding).unwrap_or_else(|_| {
        tracing::error!(target: "evergrant::store", "a command ended in a panic: a defect of this program");
        caches.clear();
        Err(Unavailable::new(Reason::Defect, "a command ended in a panic").into())
    })
}

/// Whether a transaction that failed to commit with this error may be read back later. When the disk is full or
/// somebody else holds the lock, the end of the transaction was not written.
pub(super) fn may_have_landed(error: &rusqlite::Error) -> bool {
    !matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::ReadOnly)
    )
}

/// Whether the command recognises its own traces.
fn is_repeatable(command: &Command) -> bool {
    command.attempt().is_some() || matches!(command, Command::Complete(_) | Command::JournalExchange(_))
}
