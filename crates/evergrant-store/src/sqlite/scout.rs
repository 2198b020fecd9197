//! Reads ahead: what a command will need is fetched and opened while the writer still waits for the disk.
//!
//! Nothing depends on it. What was read carries the number of the row's last change, and the writer takes it only if
//! the row still has that number; else it reads again.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use evergrant_proto::{grant::GrantRecord, name::GrantId, transaction::Command};
use rusqlite::Connection;

use super::{connect, grants};
use crate::{key::KeyRing, store::StoreError};

/// Commands that are read for in one transaction. A longer one would keep the log from being copied back.
const BURST: usize = 64;

/// A grant as some change has left it.
pub(super) type Sighting = (u64, GrantRecord);

/// The grant to read ahead for a command. The one whose attempt it ends is remembered from its claim.
pub(super) fn wanted(command: &Command) -> Option<GrantId> {
    if command.attempt().is_some() { None } else { command.subjects().grant }
}

/// Something that waits for a grant and goes on to the writer.
pub(super) trait Errand: Send + 'static {
    /// The grant to read.
    fn grant(&self) -> Option<GrantId>;

    /// Takes what was seen.
    fn found(&mut self, sighting: Sighting);
}

/// Starts the thread. It ends when nobody can send to it any more.
pub(super) fn start<T: Errand>(
    path: PathBuf,
    keys: Arc<KeyRing>,
    errands: mpsc::Receiver<T>,
    onward: mpsc::Sender<T>,
) -> io::Result<JoinHandle<()>> {
    let mut scout = Scout { path, keys, connection: None };
    thread::Builder::new().name("evergrant-scout".to_owned()).spawn(move || {
        while let Ok(first) = errands.recv() {
            let mut burst = vec![first];
            burst.extend(errands.try_iter().take(BURST - 1));
            scout.run(burst, &onward);
        }
    })
}

struct Scout {
    path: PathBuf,
    keys: Arc<KeyRing>,
    /// `None` before the first use and after a failure.
    connection: Option<Connection>,
}

impl Scout {
    /// Sends every errand on, whether its grant could be read or not: the writer meets the same trouble and knows
    /// what to say of it.
    fn run<T: Errand>(&mut self, burst: Vec<T>, onward: &mpsc::Sender<T>) {
        let begun = self.begin();
        for mut errand in burst {
            if let (true, Some(grant)) = (begun, errand.grant())
                && let Some(sighting) = self.read(grant)
            {
                errand.found(sighting);
            }
            // Fails only when the writer has ended; the answer is then dropped, which the asker sees.
            let _ = onward.send(errand);
        }
        self.end();
    }

    fn begin(&mut self) -> bool {
        if self.connection.is_none() {
            self.connection = connect::open_reader(&self.path).ok();
        }
        let begun = self.execute("BEGIN");
        if !begun {
            self.connection = None;
        }
        begun
    }

    fn end(&mut self) {
        // A connection on which anything fails is not kept: it could go on reading the past.
        if self.connection.is_some() && !self.execute("COMMIT") {
            self.connection = None;
        }
    }

    fn execute(&self, sql: &str) -> bool {
        let Some(connection) = &self.connection else { return false };
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).is_ok()
    }

    fn read(&mut self, grant: GrantId) -> Option<Sighting> {
        let outcome: Result<_, StoreError> = grants::sight(self.connection.as_ref()?, &self.keys, grant);
        outcome
            .inspect_err(|error| {
                tracing::debug!(target: "evergrant::store", %error, "a grant could not be read ahead");
                self.connection = None;
            })
            .ok()
            .flatten()
    }
}
