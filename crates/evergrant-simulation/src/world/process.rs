//! A process: an engine with its own memory, which can be stopped or killed at any time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use evergrant_proto::{
    engine::{EffectId, Engine, Issue, Outcome, Settings},
    grant::AccessKey,
    name::{GrantId, HolderId},
};

use super::{Happening, World, doom::Doom};

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
    /// What it serves from memory.
    pub(super) cache: HashMap<(GrantId, AccessKey), Arc<Issue>>,
    /// Up to when it knows what was changed in the store.
    pub(super) compared: u64,
    /// What will strike it.
    pub(super) doom: Option<Doom>,
}

impl Process {
    fn new(engine: Engine, holder: HolderId) -> Self {
        Self {
            engine,
            holder,
            alive: true,
            paused: false,
            held: Vec::new(),
            sending: BTreeMap::new(),
            cache: HashMap::new(),
            compared: 0,
            doom: None,
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.alive && !self.paused
    }
}

/// Processes.
impl World {
    /// Starts a process. `None` if the store is away.
    pub fn start(&mut self) -> Option<ProcessId> {
        self.try_start(&self.settings.clone())
    }

    /// Starts a process without a scheduler.
    ///
    /// # Panics
    ///
    /// If the store is away.
    pub fn start_without_scheduler(&mut self) -> ProcessId {
        let settings = Settings { scheduler: false, ..self.settings.clone() };
        self.try_start(&settings).expect("the store is there")
    }

    pub(super) fn try_start(&mut self, settings: &Settings) -> Option<ProcessId> {
        if !self.store.away {
            self.store.open();
        }
        // As at the start of a real process: first what others have rescued.
        if !self.replay() {
            if !std::mem::replace(&mut self.starting, true) {
                self.after(2000, Happening::Start(Box::new(settings.clone())));
            }
            return None;
        }
        let holder = HolderId(self.dice.id());
        let engine = Engine::new(settings.clone(), holder, self.dice.bytes(), self.reading());
        self.store.enter(holder);
        let id = ProcessId(self.processes.len());
        self.processes.push(Process::new(engine, holder));
        self.living.push(id);
        self.note(|| format!("{id:?} starts"));
        Some(id)
    }

    /// A process starts by itself after so many milliseconds.
    pub fn start_later(&mut self, milliseconds: u64) {
        self.after(milliseconds, Happening::Start(Box::new(self.settings.clone())));
    }

    /// Kills a process: what it has sent is under way all the same.
    pub fn kill(&mut self, id: ProcessId) {
        let process = &mut self.processes[id.0];
        process.alive = false;
        process.held.clear();
        process.doom = None;
        let holder = process.holder;
        self.living.retain(|living| *living != id);
        self.store.leave(holder);
        let open = self.open_calls.iter().copied().filter(|call| self.calls[call].process == id);
        for call in open.collect::<Vec<_>>() {
            self.open_calls.remove(&call);
            self.calls.remove(&call);
        }
        self.note(|| format!("{id:?} is killed"));
    }

    /// Stops a process as by a signal: it counts as alive and does nothing.
    pub fn pause(&mut self, id: ProcessId) {
        self.processes[id.0].paused = true;
        self.stopped_since.insert(id, self.now);
        self.note(|| format!("{id:?} is stopped"));
    }

    /// Lets a stopped process go on, with all that has arrived meanwhile.
    pub fn resume(&mut self, id: ProcessId) {
        if !self.processes[id.0].alive {
            return;
        }
        self.processes[id.0].paused = false;
        self.stopped_since.insert(id, self.now);
        let mut held = std::mem::take(&mut self.processes[id.0].held);
        // An answer and its deadline have both come meanwhile: which of them is looked at first is luck.
        if self.dice.permille(500) {
            held.sort_by_key(|happening| !is_answer(happening));
        }
        for happening in held {
            self.after(0, happening);
        }
        self.note(|| format!("{id:?} goes on"));
    }

    /// Strikes a process at the next effect that fits.
    pub fn doom(&mut self, id: ProcessId, doom: Doom) {
        self.processes[id.0].doom = Some(doom);
        self.note(|| format!("{id:?} awaits {doom:?}"));
    }

    /// No process is struck any more.
    pub fn lift_dooms(&mut self) {
        for process in &mut self.processes {
            process.doom = None;
        }
    }

    /// Whether a process lives and is not stopped.
    pub fn runs(&self, id: ProcessId) -> bool {
        self.processes[id.0].runs()
    }

    /// The processes that live and are not stopped.
    pub fn running(&self) -> Vec<ProcessId> {
        self.living.iter().copied().filter(|id| self.runs(*id)).collect()
    }

    /// The processes that are stopped.
    pub fn paused(&self) -> Vec<ProcessId> {
        self.living.iter().copied().filter(|id| self.processes[id.0].paused).collect()
    }

    /// The engine of a process.
    pub fn engine(&self, id: ProcessId) -> &Engine {
        &self.processes[id.0].engine
    }

    /// Begin nothing new; see through what has been sent.
    pub fn drain_process(&mut self, id: ProcessId) {
        self.processes[id.0].engine.handle_drain();
        self.drain(id);
    }
}

fn is_answer(happening: &Happening) -> bool {
    matches!(happening, Happening::Deliver(_, _, outcome) if matches!(**outcome, Outcome::Answered(Ok(_))))
}
