//! What was done with a store, so that it can be done once more, with another one.

use evergrant_proto::{
    grant::StoreTime,
    name::HolderId,
    transaction::{Command, Conflict, Reply},
};

use super::{SlotId, Store};

/// One thing that was done with the tables or with the host that they lie on.
#[derive(Debug, Clone)]
pub enum Deed {
    /// A command was executed, whether or not the answer has reached anybody.
    Executed(Box<Executed>),
    /// A process has opened the store.
    Entered(HolderId),
    /// A process has ended.
    Left(HolderId),
    /// A process has reserved a place in the lifeboat.
    Reserved(HolderId, SlotId),
    /// A process has written into its place.
    Rescued(HolderId, SlotId, Box<Command>),
    /// A place was given back.
    Released(HolderId, SlotId),
}

/// A command and what came of it.
#[derive(Debug, Clone)]
pub struct Executed {
    /// The command.
    pub command: Command,
    /// When, by the clock of leases.
    pub now: StoreTime,
    /// What came of it.
    pub result: Result<Reply, Conflict>,
}

impl Store {
    /// An empty store that remembers what is done with it.
    pub fn recorded() -> Self {
        Self { recording: Some(Vec::new()), ..Self::default() }
    }

    /// What was done with a store that remembers it, the first first. Nobody can do again what happens to tables as a
    /// whole, so that is not among it: backups, copies, adoptions.
    pub fn deeds(&self) -> &[Deed] {
        self.recording.as_deref().unwrap_or_default()
    }

    pub(super) fn record(&mut self, deed: impl FnOnce() -> Deed) {
        if let Some(recording) = &mut self.recording {
            recording.push(deed());
        }
    }
}
