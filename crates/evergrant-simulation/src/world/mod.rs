//! The world: what happens, when, and to whom.

mod operations;
mod process;
mod trial;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use evergrant_proto::{
    diagnosis::PreviousOutcome,
    engine::{Answer, CallId, Effect, EffectId, Engine, Outcome, Output, Settings, TokenRequest},
    grant::{BootId, Outcome as Recorded, StoreTime},
    name::{GrantId, HolderId},
    time::{Moment, Now, Timestamp},
    wire::http::{HttpRequest, HttpResponse, TransportFailure, TransportFailureKind},
};
use evergrant_rehearse::{self as rehearse, Delivery, ExchangeId, Progress, Until};

pub use process::ProcessId;

use crate::{
    Dice, Judge, Mishap, Network, Party, Scene, Store,
    judge::Circumstances,
    network::failure,
    party::{self, parameter},
};
use process::Process;

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
    Arrive(Journey),
    /// The provider goes on with a request that it kept.
    Resume(ExchangeId),
    /// A process starts, if the store lets it.
    Start(Box<Settings>),
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
    /// What new processes are started with.
    pub settings: Settings,
    processes: Vec<Process>,
    agenda: BTreeMap<(u64, u64), Happening>,
    next_number: u64,
    waiting: BTreeMap<ExchangeId, Journey>,
    calls: BTreeMap<CallId, CallRecord>,
    trace: VecDeque<String>,
    /// When each process was stopped or went on last.
    stopped_since: BTreeMap<ProcessId, u64>,
}

impl World {
    /// A world without processes and grants, with the scene's client.
    pub fn new(scene: Scene, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut world = Self {
            store: Store::default(),
            network: Network::default(),
            party: Party::new(&scene, dice.draw()),
            judge: Judge::new(scene.clone()),
            scene,
            dice,
            now: 0,
            skew: 0,
            latest_wall: Timestamp(BEGINNING),
            settings: Settings::default(),
            processes: Vec::new(),
            agenda: BTreeMap::new(),
            next_number: 0,
            waiting: BTreeMap::new(),
            calls: BTreeMap::new(),
            trace: VecDeque::new(),
            stopped_since: BTreeMap::new(),
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
        self.note(|| format!("the wall clock is set by {milliseconds} ms"));
    }

    /// How far the wall clock is behind what it showed before: so long the times that were written down then are ahead.
    pub fn set_back_by(&self) -> Duration {
        self.latest_wall.since(self.wall())
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
        let answered = |world: &Self| world.calls.values().all(|call| call.answer.is_some());
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
        let running = self.processes.iter().enumerate().filter(|(_, process)| process.runs());
        running
            .filter_map(|(index, process)| Some((process.engine.poll_timeout()?.0, ProcessId(index))))
            .min()
    }

    fn wake(&mut self, id: ProcessId) {
        let now = self.reading();
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
                self.try_start(&settings);
            }
        }
    }

    fn execute(&mut self, id: ProcessId, effect: EffectId, work: Box<Effect>) {
        let process = &mut self.processes[id.0];
        if !process.alive {
            return;
        }
        if process.paused {
            process.held.push(Happening::Execute(id, effect, work));
            return;
        }
        let holder = process.holder;
        let store_time = self.store_time();
        let outcome = match *work {
            Effect::Read(grant) => Outcome::Found(self.store.read(grant)),
            Effect::ReadDue { until, limit } => Outcome::Due(self.store.due(until, limit)),
            Effect::FindAuthorization(state) => Outcome::Authorization(self.store.authorization_of(&state)),
            Effect::Reserve => Outcome::Reserved(self.store.reserve(holder)),
            Effect::Release(slot) => return self.store.release(holder, slot),
            Effect::Transact(command) => {
                let result = self.store.execute(&command, store_time);
                self.note(|| format!("{id:?} {} -> {}", trial::describe(&command), trial::told(&result)));
                self.look_at(command.subjects().grant);
                Outcome::Transacted(result)
            }
            Effect::Rescue { slot, command } => {
                self.note(|| format!("{id:?} rescues {}", trial::describe(&command)));
                Outcome::Rescued(self.store.rescue(holder, slot, *command))
            }
            Effect::Send { request, not_after, deadline } => {
                return self.send(id, effect, &request, not_after, deadline);
            }
        };
        let latency = self.network.to_store(&mut self.dice);
        self.after(latency, Happening::Deliver(id, effect, Box::new(outcome)));
    }

    fn deliver(&mut self, id: ProcessId, effect: EffectId, outcome: Box<Outcome>) {
        let process = &mut self.processes[id.0];
        if !process.alive {
            return;
        }
        if process.paused {
            process.held.push(Happening::Deliver(id, effect, outcome));
            return;
        }
        if let Outcome::Answered(answer) = &*outcome {
            // Only what comes first counts: the answer or the deadline.
            let Some(presentation) = process.sending.remove(&effect) else { return };
            if let Some(number) = presentation {
                self.judge.ended(number, answer);
            }
            self.note(|| format!("{id:?} {effect:?} gets {}", trial::answer(answer)));
        }
        let now = self.reading();
        self.processes[id.0].engine.handle_outcome(effect, *outcome, now);
        self.drain(id);
    }

    fn send(
        &mut self,
        id: ProcessId,
        effect: EffectId,
        sent: &HttpRequest,
        not_after: Moment,
        deadline: Duration,
    ) {
        if self.now > not_after.0 {
            self.processes[id.0].sending.insert(effect, None);
            return self.answer(id, effect, 0, Err(failure(TransportFailureKind::TooLate)));
        }
        let request = party::request(sent);
        let token = parameter(&request, "refresh_token");
        let mishap = self.network.mishap(token.is_some(), &mut self.dice);
        let presentation = token.map(|token| self.present(id, &token));
        self.note(|| format!("{id:?} {effect:?} sends to {} ({presentation:?}) {mishap:?}", request.path));
        self.processes[id.0].sending.insert(effect, presentation);
        let there = self.network.one_way(&mut self.dice);
        let journey = Journey { process: id, effect, request, mishap };
        match mishap {
            Some(Mishap::Refused) => {
                return self.answer(id, effect, there, Err(failure(TransportFailureKind::Connect)));
            }
            Some(Mishap::RequestLost) => {}
            Some(Mishap::RequestDelayed(delay)) => self.after(there + delay, Happening::Arrive(journey)),
            _ => self.after(there, Happening::Arrive(journey)),
        }
        let limit = u64::try_from(deadline.as_millis()).expect("a deadline is short");
        self.answer(id, effect, limit, Err(failure(TransportFailureKind::Timeout)));
    }

    fn present(&mut self, id: ProcessId, token: &str) -> usize {
        let holds = |grant: &&evergrant_proto::grant::GrantRecord| {
            grant.credential.as_ref().is_some_and(|held| held.refresh_token.expose() == token)
        };
        let grant = self.store.grants().find(holds).map(|grant| grant.id);
        let grant = grant.and_then(|id| self.store.load(id, None));
        // What an heir concludes of a dead process is no record of what happened.
        let recorded = |attempt| {
            let outcome = self.store.attempt(attempt).and_then(|attempt| attempt.outcome.as_ref());
            !matches!(outcome, None | Some(Recorded::Unknown { manner: PreviousOutcome::NotRecorded, .. }))
        };
        let over = |id: ProcessId| self.store.has_ended(self.processes[id.0].holder);
        let circumstances = Circumstances {
            process: id,
            holder: self.processes[id.0].holder,
            now: self.now,
            wall: self.wall(),
            grant: grant.as_ref(),
            is_over: &over,
            is_recorded: &recorded,
        };
        self.judge.present(token, &circumstances)
    }

    fn arrive(&mut self, journey: Journey) {
        let progress = self.party.handle(journey.request.clone(), self.provider_time());
        self.proceed(journey, progress);
    }

    fn resume_exchange(&mut self, exchange: ExchangeId) {
        let Some(journey) = self.waiting.remove(&exchange) else { return };
        if let Some(progress) = self.party.resume(exchange, self.provider_time()) {
            self.proceed(journey, progress);
        }
    }

    fn proceed(&mut self, journey: Journey, progress: Progress) {
        match progress {
            Progress::Wait { exchange, until } => {
                self.waiting.insert(exchange, journey);
                if let Until::After(delay) = until {
                    let delay = u64::try_from(delay.as_millis()).expect("a delay is short");
                    self.after(delay, Happening::Resume(exchange));
                }
            }
            Progress::Deliver(delivery) => self.bring_back(&journey, delivery),
        }
    }

    fn bring_back(&mut self, journey: &Journey, delivery: Delivery) {
        let mut back = self.network.one_way(&mut self.dice);
        match journey.mishap {
            Some(Mishap::ResponseLost) => return,
            Some(Mishap::ResponseDelayed(delay)) => back += delay,
            _ => {}
        }
        let broken = matches!(journey.mishap, Some(Mishap::Reset));
        let answer = match delivery {
            Delivery::Whole(response) if !broken => Ok(party::response(response)),
            _ => Err(failure(TransportFailureKind::Reset)),
        };
        self.answer(journey.process, journey.effect, back, answer);
    }

    fn answer(
        &mut self,
        process: ProcessId,
        effect: EffectId,
        after: u64,
        answer: Result<HttpResponse, TransportFailure>,
    ) {
        self.after(after, Happening::Deliver(process, effect, Box::new(Outcome::Answered(answer))));
    }

    fn drain(&mut self, id: ProcessId) {
        while let Some(output) = self.processes[id.0].engine.poll_output() {
            match output {
                Output::Perform(effect, work) => {
                    let latency = self.network.to_store(&mut self.dice);
                    self.after(latency, Happening::Execute(id, effect, Box::new(work)));
                }
                Output::Answer(call, answer) => self.answered(call, answer),
                Output::Publish(_) | Output::Forget(..) => {}
            }
        }
    }

    fn look_at(&mut self, grant: Option<GrantId>) {
        if let Some(grant) = grant.and_then(|id| self.store.grant(id)) {
            self.judge.look_at(grant, self.now);
        }
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

    fn note(&mut self, line: impl FnOnce() -> String) {
        if self.trace.len() == TRACE {
            self.trace.pop_front();
        }
        let line = format!("{:>9} {}", self.now, line());
        self.trace.push_back(line);
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

    fn try_start(&mut self, settings: &Settings) -> Option<ProcessId> {
        // As at the start of a real process: first what others have rescued.
        if !self.store.replay(self.store_time()) {
            self.after(1000, Happening::Start(Box::new(settings.clone())));
            return None;
        }
        let holder = HolderId(self.dice.id());
        let engine = Engine::new(settings.clone(), holder, self.dice.bytes(), self.reading());
        self.store.enter(holder);
        let id = ProcessId(self.processes.len());
        self.processes.push(Process::new(engine, holder));
        self.note(|| format!("{id:?} starts"));
        Some(id)
    }

    /// Kills a process: what it has sent is under way all the same.
    pub fn kill(&mut self, id: ProcessId) {
        let process = &mut self.processes[id.0];
        process.alive = false;
        process.held.clear();
        let holder = process.holder;
        self.store.leave(holder);
        self.calls.retain(|_, call| call.process != id || call.answer.is_some());
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
        self.processes[id.0].paused = false;
        self.stopped_since.insert(id, self.now);
        for happening in std::mem::take(&mut self.processes[id.0].held) {
            self.after(0, happening);
        }
        self.note(|| format!("{id:?} goes on"));
    }

    /// Whether a process lives and is not stopped.
    pub fn runs(&self, id: ProcessId) -> bool {
        self.processes[id.0].runs()
    }

    /// The processes that live and are not stopped.
    pub fn running(&self) -> Vec<ProcessId> {
        (0..self.processes.len()).map(ProcessId).filter(|id| self.runs(*id)).collect()
    }

    /// The processes that are stopped.
    pub fn paused(&self) -> Vec<ProcessId> {
        let stopped = |id: &ProcessId| self.processes[id.0].alive && self.processes[id.0].paused;
        (0..self.processes.len()).map(ProcessId).filter(stopped).collect()
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
