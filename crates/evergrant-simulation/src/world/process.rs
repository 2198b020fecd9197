//! A process: an engine with its own memory, which can be stopped or killed at any time.

use std::collections::BTreeMap;

use evergrant_proto::{
    engine::{EffectId, Engine},
    name::HolderId,
};

use super::Happening;

/// Names one life of a process: a restart makes another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub usize);

#[derive(Debug)]
pub(super) struct Process {
    pub(super) engine: Engine,
    pub(super) holder: HolderId,
    pub(super) alive: bool,
    /// Stopped by a signal: nothing is done, and what arrives waits.
    pub(super) paused: bool,
    /// What has arrived meanwhile.
    pub(super) held: Vec<Happening>,
    /// Requests whose answer has not been given to the engine, with the number of the presentation.
    pub(super) sending: BTreeMap<EffectId, Option<usize>>,
}

impl Process {
    pub(super) fn new(engine: Engine, holder: HolderId) -> Self {
        Self { engine, holder, alive: true, paused: false, held: Vec::new(), sending: BTreeMap::new() }
    }

    pub(super) fn runs(&self) -> bool {
        self.alive && !self.paused
    }
}
