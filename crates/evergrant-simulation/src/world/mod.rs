//! The world: what happens, when, and to whom.

mod carrying;
mod cause;
mod death;
mod doom;
mod durability;
mod elsewhere;
mod memory;
mod operations;
mod process;
mod restoring;
mod trial;
mod truth;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use evergrant_proto::{
    engine::{Answer, CallId, Effect, EffectId, Outcome, Settings, StoreFailure, TokenRequest},
    grant::{BootId, StoreTime},
    name::{Generation, GrantId},
    time::{Moment, Now, Timestamp},
    transaction::{Command, Reply},
};
use evergrant_rehearse::{self as rehearse, ExchangeId, Fingerprint};

pub use cause::{NOT_JUDGED, SUPPOSED_LOST};
pub use doom::{Blow, Doom, Side, Work};
pub use process::ProcessId;

use crate::{Backup, Dice, Judge, Mishap, Network, Party, Scene, Store, judge::Known};
use durability::Debt;
use process::Process;

/// How often the drivers of the processes look into the lifeboat.
const REPLAY_EVERY: u64 = 5_000;

/// When the world begins: 2026-01-01T00:00:00Z.
const BEGINNING: i64 = 1_767_225_600_000;

/// An engine that wants to be woken so often without time passing is in a loop.
const MOST_WAKINGS: u32 = 10_000;

/// How much of the past a trace keeps.
const TRACE: usize = 3000;

/// What somebody asked for and was told.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// The process asked.
    pub process: ProcessId,
    /// What for; `None` for callbacks and revocations.
    pub request: Option<TokenRequest>,
    /// When, in milliseconds of the world.
    pub asked_at: u64,
    /// When it was answered.
    pub answered_at: Option<u64>,
    /// What was said.
    pub answer: Option<Answer>,
}

#[derive(Debug)]
enum Happening {
    /// A process carries out an effect.
    Execute(ProcessId, EffectId, Box<Effect>),
    /// A process learns the outcome.
    Deliver(ProcessId, EffectId, Box<Outcome>),
    /// A request reaches the provider, whoever still waits for it.
    Arrive(Box<Journey>),
    /// The provider goes on with a request that it kept.
    Resume(ExchangeId),
    /// A process starts, if the store lets it.
    Start(Box<Settings>),
    /// A stopped process goes on.
    GoOn(ProcessId),
    /// Something that was away is back.
    Back(Outage),
    /// What ended processes have rescued is brought into the store by a living one.
    Replay,
    /// It is looked whether what the store did not take is durable by now.
    Audit(Debt),
}

/// Something that can be away for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// The way to the provider.
    Network,
    /// The store.
    Store,
    /// The lifeboat.
    Lifeboat,
}

/// A request under way, and the way back.
#[derive(Debug)]
struct Journey {
    process: ProcessId,
    effect: EffectId,
    request: rehearse::Request,
    mishap: Option<Mishap>,
}

/// The whole world.
#[derive(Debug)]
pub struct World {
    /// How the provider behaves and what is known of it.
    pub scene: Scene,
    /// The store that all processes share.
    pub store: Store,
    /// What lies between processes and provider.
    pub network: Network,
    /// The provider.
    pub party: Party,
    /// Who watches.
    pub judge: Judge,
    /// The source of chance.
    pub dice: Dice,
    /// Milliseconds since the beginning, on clocks that no one can set.
    now: u64,
    /// How far the wall clock of our host is set wrong, in milliseconds.
    skew: i64,
    /// The furthest that the wall clock ever showed.
    latest_wall: Timestamp,
    /// When somebody set the wall clock last, by the provider's.
    clock_set_at: Option<rehearse::Timestamp>,
    /// What new processes are started with.
    pub settings: Settings,
    processes: Vec<Process>,
    living: Vec<ProcessId>,
    agenda: BTreeMap<(u64, u64), Happening>,
    next_number: u64,
    waiting: BTreeMap<ExchangeId, Box<Journey>>,
    calls: BTreeMap<CallId, CallRecord>,
    open_calls: BTreeSet<CallId>,
    trace: VecDeque<String>,
    /// Whether a trace is kept: it costs more than the world itself.
    pub tracing: bool,
    /// Whether processes do what their drivers do besides: serve from memory, and look into the lifeboat.
    drivers: bool,
    /// When each process was stopped or went on last.
    stopped_since: BTreeMap<ProcessId, u64>,
    /// When each grant was changed.
    changed: BTreeSet<(GrantId, u64)>,
    /// The dead grants that were judged, with the generation that they died in.
    dead: BTreeMap<GrantId, Generation>,
    /// A process tries to start while the store is away.
    starting: bool,
    /// Since when the store is away.
    away_since: Option<u64>,
    /// When the store failed somebody last.
    store_failed_at: Option<u64>,
    /// When the lifeboat refused somebody last.
    lifeboat_failed_at: Option<u64>,
    /// The troubles that came to pass, by what they are called in a test.
    met: BTreeSet<String>,
    deaths: BTreeMap<String, usize>,
    /// Requests of somebody else who has our tokens, by their number in the provider's journal, and the tokens.
    borrowed: BTreeMap<u64, Fingerprint>,
    /// The operator's backups of the store, when they were made, and what the judge took for known then.
    backups: Vec<(u64, Backup, Known)>,
}

impl World {
    /// A world without processes and grants, with the scene's client.
    pub fn new(scene: Scene, seed: u64) -> Self {
        Self::over(Store::default(), scene, seed)
    }

    /// The same over an empty store that is brought.
    pub fn over(store: Store, scene: Scene, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut world = Self {
            store,
            network: Network::default(),
            party: Party::new(&scene, dice.draw()),
            judge: Judge::new(scene.clone()),
            scene,
            dice,
            now: 0,
            skew: 0,
            latest_wall: Timestamp(BEGINNING),
            clock_set_at: None,
            settings: Settings::default(),
            processes: Vec::new(),
            living: Vec::new(),
            agenda: BTreeMap::new(),
            next_number: 0,
            waiting: BTreeMap::new(),
            calls: BTreeMap::new(),
            open_calls: BTreeSet::new(),
            trace: VecDeque::new(),
            tracing: true,
            drivers: false,
            stopped_since: BTreeMap::new(),
            changed: BTreeSet::new(),
            dead: BTreeMap::new(),
            starting: false,
            away_since: None,
            store_failed_at: None,
            lifeboat_failed_at: None,
            met: BTreeSet::new(),
            deaths: BTreeMap::new(),
            borrowed: BTreeMap::new(),
            backups: Vec::new(),
        };
        world.put_first_client();
        world
    }

    /// Milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The wall clock of our host.
    pub fn wall(&self) -> Timestamp {
        Timestamp(self.true_time().saturating_add(self.skew))
    }

    /// The provider's clock, which is right.
    pub fn provider_time(&self) -> rehearse::Timestamp {
        rehearse::Timestamp(self.true_time())
    }

    /// Sets the wall clock of our host forwards or backwards.
    pub fn step_wall_clock(&mut self, milliseconds: i64) {
        self.latest_wall = self.latest_wall.max(self.wall());
        self.skew += milliseconds;
        self.clock_set_at = Some(self.provider_time());
        self.judge.forget_promises();
        self.note(|| format!("the wall clock is set by {milliseconds} ms"));
    }

    /// How far the wall clock is behind what it showed before: so long the times that were written down then are ahead.
    pub fn set_back_by(&self) -> Duration {
        self.latest_wall.since(self.wall())
    }

    /// Whether anybody has set the wall clock: tokens that came before are taken for longer-lived than they are, or for
    /// shorter.
    pub fn clock_was_set(&self) -> bool {
        self.clock_set_at.is_some()
    }

    /// The troubles that came to pass: blows (`Claim After Kill`), mishaps of requests (`ResponseLost`), fates of commands
    /// (`CommittedInDoubt`).
    pub fn met(&self) -> &BTreeSet<String> {
        &self.met
    }

    /// Of what grants have died in truth, and how often; [`NOT_JUDGED`] where nobody can tell, [`SUPPOSED_LOST`] where a loss was
    /// only likely.
    pub fn deaths(&self) -> &BTreeMap<String, usize> {
        &self.deaths
    }

    /// What happened last, for people.
    pub fn trace(&self) -> impl Iterator<Item = &str> {
        self.trace.iter().map(String::as_str)
    }

    /// A call as it stands.
    ///
    /// # Panics
    ///
    /// If there was no such call.
    pub fn call(&self, call: CallId) -> &CallRecord {
        &self.calls[&call]
    }

    /// All calls.
    pub fn calls(&self) -> impl Iterator<Item = &CallRecord> {
        self.calls.values()
    }

    /// Lets the world go on for this long.
    ///
    /// # Panics
    ///
    /// If an engine wants to be woken over and over without time passing.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + u64::try_from(duration.as_millis()).expect("a run is shorter than the world");
        self.run_until(end, |_| false);
        self.now = self.now.max(end);
    }

    /// Lets the world go on until everything asked for is answered, at most for `limit`. Returns whether it is.
    ///
    /// # Panics
    ///
    /// As [`World::run_for`].
    pub fn run_until_answered(&mut self, limit: Duration) -> bool {
        let end = self.now + u64::try_from(limit.as_millis()).expect("a run is shorter than the world");
        let answered = |world: &Self| world.open_calls.is_empty();
        self.run_until(end, answered);
        answered(self)
    }

    /// Lets the world go on until something is so, at most until `end`.
    ///
    /// # Panics
    ///
    /// As [`World::run_for`].
    pub fn run_until(&mut self, end: u64, mut is_enough: impl FnMut(&Self) -> bool) {
        let (mut last, mut wakings) = (self.now, 0);
        while !is_enough(self) {
            let wake = self.next_wake();
            let happening = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let Some(at) = wake.map(|(at, _)| at).into_iter().chain(happening).min() else { break };
            if at.max(self.now) > end {
                break;
            }
            self.now = self.now.max(at);
            match wake {
                Some((moment, process)) if happening.is_none_or(|happening| moment <= happening) => {
                    wakings = if last == self.now { wakings + 1 } else { 0 };
                    last = self.now;
                    assert!(wakings < MOST_WAKINGS, "{process:?} wants to be woken for ever at {last} ms");
                    self.wake(process);
                }
                _ => self.happen(),
            }
        }
    }

    fn next_wake(&self) -> Option<(u64, ProcessId)> {
        let running = self.living.iter().map(|id| (id, &self.processes[id.0]));
        running
            .filter(|(_, process)| process.runs())
            .filter_map(|(id, process)| Some((process.engine.poll_timeout()?.0, *id)))
            .min()
    }

    fn wake(&mut self, id: ProcessId) {
        let now = self.reading();
        let _ = self.compare(id);
        self.processes[id.0].engine.handle_timeout(now);
        self.drain(id);
    }

    fn happen(&mut self) {
        let Some((_, happening)) = self.agenda.pop_first() else { return };
        match happening {
            Happening::Execute(id, effect, work) => self.execute(id, effect, work),
            Happening::Deliver(id, effect, outcome) => self.deliver(id, effect, outcome),
            Happening::Arrive(journey) => self.arrive(journey),
            Happening::Resume(exchange) => self.resume_exchange(exchange),
            Happening::Start(settings) => {
                self.starting = false;
                self.try_start(&settings);
            }
            Happening::GoOn(id) => self.resume(id),
            Happening::Back(Outage::Network) => self.network.down = false,
            Happening::Back(Outage::Store) => self.set_store_away(false),
            Happening::Back(Outage::Lifeboat) => self.store.lifeboat_away = false,
            Happening::Audit(debt) => self.audit(&debt),
            Happening::Replay => {
                if self.living.iter().any(|id| self.runs(*id)) {
                    self.replay();
                }
                self.after(REPLAY_EVERY, Happening::Replay);
            }
        }
    }

    /// From now on processes do what their drivers do besides: serve from memory, and look into the lifeboat.
    pub fn with_drivers(&mut self) {
        self.drivers = true;
        self.watch_the_lifeboat();
    }

    /// From now on living processes look into the lifeboat, and not only those that start.
    pub fn watch_the_lifeboat(&mut self) {
        self.after(REPLAY_EVERY, Happening::Replay);
    }

    /// Something that is away comes back after so many milliseconds.
    pub fn end_outage_after(&mut self, milliseconds: u64, outage: Outage) {
        self.after(milliseconds, Happening::Back(outage));
    }

    /// The store goes away, or comes back.
    pub fn set_store_away(&mut self, away: bool) {
        self.store.away = away;
        self.away_since = away.then(|| self.away_since.unwrap_or(self.now));
        self.note(|| format!("the store is {}", if away { "away" } else { "there" }));
    }

    /// Executes a command, for a process or for somebody else, and has the judge look at what came of it.
    fn transact(&mut self, who: Option<ProcessId>, command: &Command) -> Result<Reply, StoreFailure> {
        let result = self.store.execute(command, self.store_time());
        if let Some(fate) = self.store.last_fate.take() {
            self.met.insert(format!("{fate:?}"));
        }
        self.note(|| {
            let who = who.map_or_else(|| "somebody".to_owned(), |id| format!("{id:?}"));
            format!("{who} {} -> {}", trial::describe(command), trial::told(&result))
        });
        if matches!(result, Err(StoreFailure::Away(_) | StoreFailure::Ambiguous(_))) {
            self.store_failed_at = Some(self.now);
        }
        if let (Command::Reject(reject), Ok(_)) = (command, &result) {
            self.judge.note_rejection(reject, self.store.grant(reject.grant), self.now);
        }
        self.look_at(command);
        result
    }

    /// Brings what ended processes have rescued into the store. False if the store is away.
    fn replay(&mut self) -> bool {
        while let Some((place, command)) = self.store.next_to_replay() {
            if let Some(command) = command
                && let Err(StoreFailure::Away(_) | StoreFailure::Ambiguous(_)) = self.transact(None, &command)
            {
                return false;
            }
            self.store.release(place.0, place.1);
        }
        !self.store.away
    }

    fn after(&mut self, milliseconds: u64, happening: Happening) {
        self.next_number += 1;
        self.agenda.insert((self.now + milliseconds, self.next_number), happening);
    }

    fn reading(&self) -> Now {
        Now { wall: self.wall(), moment: Moment(self.now) }
    }

    fn store_time(&self) -> StoreTime {
        StoreTime { boot: BootId(1), milliseconds: self.now }
    }

    fn true_time(&self) -> i64 {
        BEGINNING + i64::try_from(self.now).expect("the world is younger than that")
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        if !self.tracing {
            return;
        }
        if self.trace.len() == TRACE {
            self.trace.pop_front();
        }
        let line = format!("{:>9} {}", self.now, line());
        self.trace.push_back(line);
    }
}
