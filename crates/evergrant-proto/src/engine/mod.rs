//! The refresh orchestration of one process: coalesce, lease, send, commit, rescue.
//!
//! [`Engine`] is a state machine without I/O. `handle_*` methods bring in what happened, `poll_*` methods give out
//! what is to be done; each takes the time as an argument. The contract:
//!
//! * After any `handle_*` call, drain [`Engine::poll_output`]. Every [`Output::Perform`] is carried out exactly once
//!   and its outcome brought back with [`Engine::handle_outcome`] under the same [`EffectId`].
//! * Call [`Engine::handle_timeout`] at [`Engine::poll_timeout`], or later.
//! * Calls may be forgotten by their callers at any time: nothing is cancelled by it.

mod asking;
mod backoff;
mod code;
mod conclusion;
mod effect;
mod endpoint;
mod entropy;
mod exchange;
mod flight;
mod refusal;
mod revocation;
mod stuck;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::{
    grant::{AccessKey, GrantRecord},
    name::{GrantId, HolderId},
    time::{Moment, Now},
    transaction::Want,
    wire::authorization_response::Callback,
};

pub use code::{DevicePoll, Pace};
pub use conclusion::{ExchangeNames, completion};
pub use effect::{
    Answer, CallId, CallbackEnd, Effect, EffectId, Issue, Outcome, Output, Refusal, SlotId, StoreFailure,
};

use endpoint::Endpoints;
use entropy::Entropy;
use exchange::Exchange;
use flight::Flight;
use revocation::Revocation;
use stuck::Stuck;

/// Places of the lifeboat that one process keeps for its next flights; all processes of a host share 72.
const KEPT_SLOTS: usize = 16;

/// A cache is compared with the store's changes more than once in this time.
const HOLDS_FOR: Duration = Duration::from_secs(1);

/// What an operator may choose; the protocol's own deadlines are in [`crate::transaction::deadlines`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a caller waits at most.
    pub caller_wait: Duration,
    /// How often the due index is read.
    pub tick: Duration,
    /// Refreshes in flight at one token endpoint of one client.
    pub endpoint_limit: usize,
    /// Refreshes begun by the scheduler that may run at once.
    pub background_limit: usize,
    /// Whether this process refreshes ahead of time by itself.
    pub scheduler: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            caller_wait: crate::transaction::deadlines::CALLER,
            tick: Duration::from_secs(1),
            endpoint_limit: 64,
            background_limit: 64,
            scheduler: true,
        }
    }
}

/// What a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The grant.
    pub grant: GrantId,
    /// What the access token is for.
    pub key: AccessKey,
    /// What would do.
    pub want: Want,
}

/// The state machine.
#[derive(Debug)]
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) holder: HolderId,
    pub(crate) entropy: Entropy,
    pub(crate) endpoints: Endpoints,
    outputs: VecDeque<Output>,
    flows: HashMap<FlowId, Flow>,
    running: HashMap<GrantId, FlowId>,
    queued: HashMap<GrantId, VecDeque<Flight>>,
    /// What is under way, and for whom.
    effects: HashMap<EffectId, (FlowId, UnderWay)>,
    /// Others may have changed what the outcome that is being handled tells.
    outdated: bool,
    /// When what the outcome that is being handled tells of was asked for.
    asked_at: Moment,
    timers: BTreeSet<(Moment, FlowId)>,
    next_id: u64,
    next_tick: Moment,
    due_read: Option<EffectId>,
    /// Reads for callers whose flight has not read the grant, or waits in line.
    looks: HashMap<EffectId, (GrantId, AccessKey, UnderWay)>,
    due_limit: usize,
    /// More was due than could be begun: the index is read again as soon as there is room.
    backlog: bool,
    stuck: Stuck,
    revoking: HashSet<GrantId>,
    /// Places of the lifeboat that flights have left empty, for the next ones: while anything is under way.
    empty_slots: Vec<SlotId>,
    background: usize,
    draining: bool,
}

/// An effect whose outcome is not known yet.
#[derive(Debug)]
struct UnderWay {
    since: Moment,
    /// A change of its grant was noticed meanwhile: what it brings may be from before.
    overtaken: bool,
}

impl UnderWay {
    fn begun(since: Moment) -> Self {
        Self { since, overtaken: false }
    }

    fn is_outdated(&self, now: Now) -> bool {
        self.overtaken || now.moment.since(self.since) > HOLDS_FOR
    }
}

/// One thing that goes on: it waits for one effect or for one point in time.
#[derive(Debug)]
enum Flow {
    Flight(Box<Flight>),
    Exchange(Box<Exchange>),
    Revocation(Box<Revocation>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlowId(u64);

impl Flow {
    fn grant(&self) -> Option<GrantId> {
        match self {
            Self::Flight(flight) => Some(flight.grant),
            Self::Exchange(_) => None,
            Self::Revocation(revocation) => Some(revocation.grant()),
        }
    }
}

/// What a flow wants next.
#[derive(Debug)]
pub(crate) enum Next {
    /// This effect.
    Perform(Effect),
    /// To be woken at this time.
    Sleep(Moment),
    /// Nothing any more.
    Done,
}

impl Engine {
    /// A new engine for the process `holder`. `seed` must be 32 fresh random bytes: attempt ids and jitter come from it.
    pub fn new(settings: Settings, holder: HolderId, seed: [u8; 32], now: Now) -> Self {
        Self {
            endpoints: Endpoints::new(settings.endpoint_limit),
            settings,
            holder,
            entropy: Entropy::new(seed),
            outputs: VecDeque::new(),
            flows: HashMap::new(),
            running: HashMap::new(),
            queued: HashMap::new(),
            effects: HashMap::new(),
            outdated: false,
            asked_at: now.moment,
            timers: BTreeSet::new(),
            next_id: 0,
            next_tick: now.moment,
            due_read: None,
            looks: HashMap::new(),
            due_limit: 0,
            backlog: false,
            stuck: Stuck::default(),
            revoking: HashSet::new(),
            empty_slots: Vec::new(),
            background: 0,
            draining: false,
        }
    }

    /// Somebody wants an access token. The answer comes as [`Output::Answer`], after `caller_wait` at the latest.
    pub fn handle_call(&mut self, call: CallId, request: TokenRequest, now: Now) {
        let deadline = now.moment.plus(self.settings.caller_wait);
        if let Some(flight) = self.flight_for(request.grant, &request.key) {
            flight.join(call, request.want, now.moment, deadline);
            let wake = if flight.has_news(now.wall) { now.moment } else { deadline };
            let blind = !flight.is_reading();
            let id = self.running[&request.grant];
            self.timers.insert((wake, id));
            self.timers.insert((deadline, id));
            if blind {
                self.look(request.grant, request.key, now.moment);
            }
            return;
        }
        let mut flight = Flight::new(request.grant, request.key, request.want);
        flight.join(call, request.want, now.moment, deadline);
        self.begin_or_queue(flight, deadline, now);
    }

    /// A token served from a cache is inside its margin: refresh it, nobody waits.
    pub fn handle_stale(&mut self, grant: GrantId, key: AccessKey, now: Now) {
        if self.flight_for(grant, &key).is_none() {
            self.begin_or_queue(Flight::new(grant, key, Want::Early), now.moment, now);
        }
    }

    /// The browser came back from the provider.
    pub fn handle_callback(&mut self, call: CallId, callback: Callback, now: Now) {
        let id = self.new_flow();
        let (exchange, next) = Exchange::begin(call, callback, now);
        self.flows.insert(id, Flow::Exchange(Box::new(exchange)));
        self.follow(id, next, now);
    }

    /// Somebody wants a grant ended.
    pub fn handle_revoke(&mut self, call: CallId, grant: GrantId, remove: bool, now: Now) {
        let id = self.new_flow();
        self.revoking.insert(grant);
        let (revocation, next) = Revocation::begin(self, Some(call), grant, remove, now);
        self.flows.insert(id, Flow::Revocation(Box::new(revocation)));
        self.follow(id, next, now);
    }

    /// Begin no more refreshes ahead of time; what has been sent is seen through.
    pub fn handle_drain(&mut self) {
        self.draining = true;
    }

    /// Whether nothing is under way that must be seen through: what only waits has sent nothing, or is durable.
    pub fn is_idle(&self) -> bool {
        let may_be_left = |flow: &Flow| match flow {
            Flow::Flight(flight) => flight.may_be_left(),
            Flow::Exchange(exchange) => exchange.may_be_left(),
            Flow::Revocation(revocation) => revocation.may_be_left(),
        };
        self.flows.values().all(may_be_left) && self.outputs.is_empty()
    }

    /// Callers that wait for an answer.
    pub fn waiting(&self) -> usize {
        let flights = self
            .flows
            .values()
            .map(|flow| if let Flow::Flight(flight) = flow { flight.waiting() } else { 0 });
        flights.sum::<usize>() + self.queued.values().flatten().map(Flight::waiting).sum::<usize>()
    }

    /// An effect was carried out.
    pub fn handle_outcome(&mut self, effect: EffectId, outcome: Outcome, now: Now) {
        if let Some((grant, key, under_way)) = self.looks.remove(&effect) {
            self.outdated = under_way.is_outdated(now);
            self.asked_at = under_way.since;
            self.looked(grant, &key, outcome, now);
            self.outdated = false;
            return;
        }
        if self.due_read == Some(effect) {
            self.due_read = None;
            self.begin_due(outcome, now);
            return;
        }
        let Some((id, under_way)) = self.effects.remove(&effect) else { return };
        self.outdated = under_way.is_outdated(now);
        self.asked_at = under_way.since;
        self.step(id, Some(outcome), now);
        self.outdated = false;
        self.release_when_idle();
    }

    /// The store shows that grants were changed, by whomever: what was asked of them before may bring what was true before
    /// that, and must not come back into a cache that has just forgotten it.
    pub fn handle_changes(&mut self, is_changed: impl Fn(GrantId) -> bool) {
        for (flow, under_way) in self.effects.values_mut() {
            // An exchange learns only at its end which grant it is about.
            let grant = self.flows.get(flow).and_then(Flow::grant);
            under_way.overtaken |= grant.is_none_or(&is_changed);
        }
        for (grant, _, under_way) in self.looks.values_mut() {
            under_way.overtaken |= is_changed(*grant);
        }
        for flow in self.flows.values_mut() {
            if let Flow::Flight(flight) = flow
                && is_changed(flight.grant)
            {
                flight.doubt_what_was_rescued();
            }
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        let mut fired = false;
        while let Some(&(moment, id)) = self.timers.first() {
            if moment > now.moment {
                break;
            }
            self.timers.pop_first();
            self.step(id, None, now);
            fired = true;
        }
        if fired {
            self.expire_queued(now);
            self.release_when_idle();
        }
        if self.settings.scheduler
            && !self.draining
            && now.moment >= self.next_tick
            && self.due_read.is_none()
        {
            self.next_tick = now.moment.plus(self.settings.tick);
            let limit = self.settings.background_limit.saturating_sub(self.background);
            if limit > 0 {
                let effect = self.new_effect();
                self.due_read = Some(effect);
                self.due_limit = limit;
                let limit = limit + self.stuck.count();
                self.outputs.push_back(Output::Perform(effect, Effect::ReadDue { until: now.wall, limit }));
            }
        }
    }

    /// What is to be done next; `None` when all is said.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Engine::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Moment> {
        let tick =
            (self.settings.scheduler && !self.draining && self.due_read.is_none()).then_some(self.next_tick);
        self.timers.first().map(|(moment, _)| *moment).into_iter().chain(tick).min()
    }

    fn flight_for(&mut self, grant: GrantId, key: &AccessKey) -> Option<&mut Flight> {
        let id = self.running.get(&grant)?;
        let running = match self.flows.get_mut(id) {
            Some(Flow::Flight(flight)) if flight.key == *key => Some(flight.as_mut()),
            _ => None,
        };
        // Flights of other keys of this grant wait in line; a caller joins the one for its key.
        running.or_else(|| self.queued.get_mut(&grant)?.iter_mut().find(|flight| flight.key == *key))
    }

    fn begin_or_queue(&mut self, flight: Flight, deadline: Moment, now: Now) {
        let grant = flight.grant;
        if self.running.contains_key(&grant) {
            self.timers.insert((deadline, self.running[&grant]));
            if flight.waiting() > 0 {
                self.look(grant, flight.key.clone(), now.moment);
            }
            self.queued.entry(grant).or_default().push_back(flight);
        } else {
            self.begin(flight, now);
        }
    }

    /// Reads a grant for callers who may be content with what it holds: what their flight waits for may take longer than
    /// they can wait.
    fn look(&mut self, grant: GrantId, key: AccessKey, now: Moment) {
        if self.looks.values().all(|look| look.0 != grant || look.1 != key) {
            let effect = self.new_effect();
            self.looks.insert(effect, (grant, key, UnderWay::begun(now)));
            self.outputs.push_back(Output::Perform(effect, Effect::Read(grant)));
        }
    }

    fn looked(&mut self, grant: GrantId, key: &AccessKey, outcome: Outcome, now: Now) {
        let Outcome::Found(Ok(Some(found))) = outcome else { return };
        self.publish(&found.0, key);
        let (asked_at, outdated) = (self.asked_at, self.outdated);
        let Some(flight) = self.flight_for(grant, key) else { return };
        let mut answers = flight.look_at(&found.0, asked_at, now.wall);
        if !outdated {
            answers.extend(flight.settle_what_was_rescued(&found.0, now));
        }
        let again = flight.doubts_what_was_rescued();
        self.outputs.extend(answers);
        if again {
            self.look(grant, key.clone(), now.moment);
        }
    }

    fn begin(&mut self, mut flight: Flight, now: Now) {
        let id = self.new_flow();
        self.running.insert(flight.grant, id);
        self.background += usize::from(flight.is_background());
        let next = flight.first(self, now);
        self.timers.extend(flight.deadlines().map(|deadline| (deadline, id)));
        self.flows.insert(id, Flow::Flight(Box::new(flight)));
        self.follow(id, next, now);
    }

    fn begin_due(&mut self, outcome: Outcome, now: Now) {
        let Outcome::Due(mut grants) = outcome else { return };
        let promising = self.stuck.go_last(&mut grants);
        self.backlog = self.due_limit > 0 && promising >= self.due_limit;
        for grant in grants.into_iter().take(self.due_limit) {
            if self.running.contains_key(&grant) || self.revoking.contains(&grant) {
                continue;
            }
            let mut flight = Flight::new(grant, AccessKey::default(), Want::Early);
            flight.begun_by_scheduler();
            self.begin(flight, now);
        }
    }

    fn step(&mut self, id: FlowId, outcome: Option<Outcome>, now: Now) {
        let Some(mut flow) = self.flows.remove(&id) else { return };
        let next = match &mut flow {
            Flow::Flight(flight) => flight.step(self, id, outcome, now),
            Flow::Exchange(exchange) => exchange.step(self, outcome, now),
            Flow::Revocation(revocation) => revocation.step(self, outcome, now),
        };
        match next {
            // A timer that is not the flow's own: it goes on waiting for what it waits for.
            None => {
                self.flows.insert(id, flow);
            }
            Some(Next::Done) => self.finish(flow, now),
            Some(next) => {
                self.flows.insert(id, flow);
                self.follow(id, next, now);
            }
        }
    }

    fn finish(&mut self, flow: Flow, now: Now) {
        let flight = match flow {
            Flow::Flight(flight) => flight,
            Flow::Exchange(_) => return,
            Flow::Revocation(revocation) => {
                self.revoking.remove(&revocation.grant());
                return;
            }
        };
        let grant = flight.grant;
        self.running.remove(&grant);
        self.background -= usize::from(flight.is_background());
        if flight.is_background() {
            self.stuck.note(grant, flight.is_stuck());
        }
        if self.backlog && !flight.is_stuck() && self.background < self.settings.background_limit / 2 {
            self.backlog = false;
            self.next_tick = now.moment;
        }
        if let Some((grant, remove)) = flight.owed_revocation() {
            let id = self.new_flow();
            self.revoking.insert(grant);
            let (revocation, next) = Revocation::begin(self, None, grant, remove, now);
            self.flows.insert(id, Flow::Revocation(Box::new(revocation)));
            self.follow(id, next, now);
        }
        self.expire_queued(now);
        let next = self.queued.get_mut(&grant).and_then(VecDeque::pop_front);
        if self.queued.get(&grant).is_some_and(VecDeque::is_empty) {
            self.queued.remove(&grant);
        }
        let remaining = flight.into_remaining();
        if let Some(next) = next {
            self.begin(next, now);
            if let Some(remaining) = remaining {
                self.queued.entry(grant).or_default().push_back(remaining);
            }
        } else if let Some(remaining) = remaining {
            self.begin(remaining, now);
        }
        self.wake_endpoint_waiters(now);
    }

    /// An idle process keeps no place of the lifeboat from others.
    fn release_when_idle(&mut self) {
        if self.flows.is_empty() {
            for slot in std::mem::take(&mut self.empty_slots) {
                self.perform_aside(Effect::Release(slot));
            }
        }
    }

    fn expire_queued(&mut self, now: Now) {
        let mut late = Vec::new();
        for flight in self.queued.values_mut().flatten() {
            flight.expire(now, &mut late);
        }
        self.outputs.extend(late);
        for flights in self.queued.values_mut() {
            flights.retain(|flight| flight.waiting() > 0 || flight.want == Want::Early);
        }
        self.queued.retain(|_, flights| !flights.is_empty());
    }

    fn wake_endpoint_waiters(&mut self, now: Now) {
        for id in self.endpoints.admissible() {
            self.timers.insert((now.moment, id));
        }
    }

    fn follow(&mut self, id: FlowId, next: Next, now: Now) {
        match next {
            Next::Perform(effect) => {
                let effect_id = self.new_effect();
                self.effects.insert(effect_id, (id, UnderWay::begun(now.moment)));
                self.outputs.push_back(Output::Perform(effect_id, effect));
            }
            Next::Sleep(until) => {
                self.timers.insert((until, id));
            }
            Next::Done => {
                if let Some(flow) = self.flows.remove(&id) {
                    self.finish(flow, now);
                }
            }
        }
    }

    fn new_flow(&mut self) -> FlowId {
        self.next_id += 1;
        FlowId(self.next_id)
    }

    fn new_effect(&mut self) -> EffectId {
        self.next_id += 1;
        EffectId(self.next_id)
    }

    /// Gives an answer to a caller.
    pub(crate) fn answer(&mut self, call: CallId, answer: Answer) {
        self.outputs.push_back(Output::Answer(call, answer));
    }

    /// Does something whose outcome no flow waits for.
    pub(crate) fn perform_aside(&mut self, effect: Effect) {
        let id = self.new_effect();
        self.outputs.push_back(Output::Perform(id, effect));
    }

    /// Makes what is known of a grant visible to the caches, which have looked for changes since if it was long on its way:
    /// they would take for new what they have forgotten for good reason.
    pub(crate) fn publish(&mut self, grant: &GrantRecord, key: &AccessKey) {
        let output = match Issue::of(grant, key).filter(|_| !self.outdated) {
            Some(issue) => Output::Publish(Arc::new(issue)),
            None => Output::Forget(grant.id, key.clone()),
        };
        self.outputs.push_back(output);
    }

    /// A place of the lifeboat that is reserved already.
    pub(crate) fn empty_slot(&mut self) -> Option<SlotId> {
        self.empty_slots.pop()
    }

    /// Keeps an empty place for the next flight; gives back one that was written to, and those that are too many.
    pub(crate) fn give_back_slot(&mut self, slot: SlotId, used: bool) {
        if sabotaged!(LeakPlaces) {
            return;
        }
        if used || self.empty_slots.len() >= KEPT_SLOTS {
            self.perform_aside(Effect::Release(slot));
        } else {
            self.empty_slots.push(slot);
        }
    }

    /// Whether a flight of this process has a request of the grant under way.
    pub(crate) fn is_flying(&self, grant: GrantId) -> bool {
        let flow = self.running.get(&grant).and_then(|id| self.flows.get(id));
        matches!(flow, Some(Flow::Flight(flight)) if flight.is_flying())
    }
}

#[cfg(test)]
mod tests;
