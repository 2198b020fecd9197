//! One request on its way through the faults: it may be answered, lost, or made to wait and resumed.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{
    Endpoint, Entropy, Fingerprint, GrantType, JournalEntry, Outcome, Provider, Reason, Request, Response,
    Timestamp,
    fault::{self, Action, FaultId, Target, When},
    parameters::Parameters,
};

/// The number of a request that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub u64);

/// How far a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It is over.
    Deliver(Delivery),
    /// It waits; whoever carries the connection calls [`Provider::resume`] when the time has come.
    Wait {
        /// Its number.
        exchange: ExchangeId,
        /// What it waits for.
        until: Until,
    },
}

/// What a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// So long, by the carrier's clock.
    After(Duration),
    /// [`Provider::poll_released`] names it.
    Released,
}

/// What the client gets to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The answer.
    Whole(Response),
    /// The head of the answer with its full `content-length`, so many bytes of the body, then the end of the
    /// connection.
    Truncated(Response, usize),
    /// The end of the connection.
    Dropped,
}

/// A request that is under way.
#[derive(Debug)]
struct Exchange {
    request: Request,
    target: Target,
    stage: Stage,
    /// The last fault of this stage that has struck: each strikes a request once.
    struck: Option<FaultId>,
    faults: Vec<FaultId>,
}

#[derive(Debug)]
enum Stage {
    Arrived,
    /// Everything has changed; the number is that of the journal entry.
    Committed(Response, u64),
}

/// The requests that wait.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    waiting: BTreeMap<ExchangeId, Exchange>,
    held: BTreeMap<FaultId, VecDeque<ExchangeId>>,
    released: VecDeque<ExchangeId>,
    last: u64,
}

impl Provider {
    /// Takes a request. Time and randomness come from the caller; nothing else goes in.
    pub fn handle(&mut self, request: Request, now: Timestamp, entropy: Entropy<'_>) -> Progress {
        let endpoint = Endpoint::of(&request.path);
        if endpoint == Endpoint::Admin {
            return Progress::Deliver(Delivery::Whole(self.administer(&request, now)));
        }
        let target = target(&request, endpoint);
        let exchange = Exchange { request, target, stage: Stage::Arrived, struck: None, faults: Vec::new() };
        self.proceed(exchange, now, entropy)
    }

    /// Goes on with a request that waited. None if no such request waits.
    pub fn resume(&mut self, id: ExchangeId, now: Timestamp, entropy: Entropy<'_>) -> Option<Progress> {
        let exchange = self.exchanges.waiting.remove(&id)?;
        Some(self.proceed(exchange, now, entropy))
    }

    /// The next request that a release has let go: to be resumed by whoever carries its connection, and a late one by
    /// anybody.
    pub fn poll_released(&mut self) -> Option<ExchangeId> {
        self.exchanges.released.pop_front()
    }

    /// Lets requests go that a `hold` keeps waiting: the first `count` of them, or all. Returns how many.
    pub fn release(&mut self, fault: FaultId, count: Option<usize>) -> usize {
        let Some(held) = self.exchanges.held.get_mut(&fault) else { return 0 };
        let going = count.unwrap_or(held.len()).min(held.len());
        self.exchanges.released.extend(held.drain(..going));
        self.faults.count_held(fault, held.len());
        if held.is_empty() {
            self.exchanges.held.remove(&fault);
        }
        going
    }

    fn proceed(&mut self, mut exchange: Exchange, now: Timestamp, entropy: Entropy<'_>) -> Progress {
        loop {
            let when = match exchange.stage {
                Stage::Arrived => When::Before,
                Stage::Committed(..) => When::AfterCommit,
            };
            let Some((fault, action)) = self.faults.strike(when, &exchange.target, exchange.struck) else {
                match exchange.stage {
                    Stage::Arrived => {
                        let committed = self.commit(&exchange, now, &mut *entropy);
                        exchange.stage = committed;
                        exchange.struck = None;
                        continue;
                    }
                    Stage::Committed(response, _) => return Progress::Deliver(Delivery::Whole(response)),
                }
            };
            exchange.struck = Some(fault);
            exchange.faults.push(fault);
            self.note_fault(&exchange);
            match action {
                Action::Hold => return self.hold(exchange, fault),
                Action::Delay { ms } => return self.wait(exchange, Until::After(fault::delay(ms))),
                Action::Late => {
                    self.hold(exchange, fault);
                    return Progress::Deliver(Delivery::Dropped);
                }
                Action::Repeat => exchange.stage = self.repeat(&exchange, now, &mut *entropy),
                last => return Progress::Deliver(self.strike_down(exchange, &last, now)),
            }
        }
    }

    fn commit(&mut self, exchange: &Exchange, now: Timestamp, entropy: Entropy<'_>) -> Stage {
        let (response, mut entry) = self.serve(&exchange.request, exchange.target.endpoint, now, entropy);
        entry.status = response.status;
        entry.faults.clone_from(&exchange.faults);
        self.note_peer(&mut entry, &exchange.request);
        Stage::Committed(response, self.journal.record(entry))
    }

    /// The same once more; nobody sees the answer to the first.
    fn repeat(&mut self, exchange: &Exchange, now: Timestamp, entropy: Entropy<'_>) -> Stage {
        if let Stage::Committed(_, seq) = exchange.stage
            && let Some(entry) = self.journal.entry_mut(seq)
        {
            entry.response_lost = true;
        }
        self.commit(exchange, now, entropy)
    }

    fn note_fault(&mut self, exchange: &Exchange) {
        if let Stage::Committed(_, seq) = exchange.stage
            && let Some(entry) = self.journal.entry_mut(seq)
        {
            entry.faults.clone_from(&exchange.faults);
        }
    }

    fn hold(&mut self, exchange: Exchange, fault: FaultId) -> Progress {
        let progress = self.wait(exchange, Until::Released);
        if let Progress::Wait { exchange, .. } = progress {
            let held = self.exchanges.held.entry(fault).or_default();
            held.push_back(exchange);
            self.faults.count_held(fault, held.len());
        }
        progress
    }

    fn wait(&mut self, exchange: Exchange, until: Until) -> Progress {
        self.exchanges.last += 1;
        let id = ExchangeId(self.exchanges.last);
        self.exchanges.waiting.insert(id, exchange);
        Progress::Wait { exchange: id, until }
    }

    /// Ends a request as the fault wants it.
    fn strike_down(&mut self, exchange: Exchange, action: &Action, now: Timestamp) -> Delivery {
        let other = action.response();
        match exchange.stage {
            Stage::Arrived => {
                let mut entry = self.failed(&exchange, other.as_ref(), now);
                self.note_peer(&mut entry, &exchange.request);
                self.journal.record(entry);
                other.map_or(Delivery::Dropped, Delivery::Whole)
            }
            Stage::Committed(response, seq) => {
                if let Some(entry) = self.journal.entry_mut(seq) {
                    entry.response_lost = true;
                }
                match (action, other) {
                    (_, Some(other)) => Delivery::Whole(other),
                    (Action::Truncate { bytes }, None) => Delivery::Truncated(response, *bytes),
                    _ => Delivery::Dropped,
                }
            }
        }
    }

    /// Notes where a request came from, and from how many places its grant has been used.
    fn note_peer(&mut self, entry: &mut JournalEntry, request: &Request) {
        entry.peer = request.peer;
        if let (Some(family), Some(peer), true) = (entry.family, request.peer, entry.uses_a_token()) {
            entry.addresses = Some(self.grants.note_address(family, peer));
        }
    }

    /// What the journal says about a request that a fault ended before it was looked at: also what it presented.
    fn failed(&mut self, exchange: &Exchange, answer: Option<&Response>, now: Timestamp) -> JournalEntry {
        let target = &exchange.target;
        let mut entry = JournalEntry::draft(target.endpoint, exchange.request.method, now);
        entry.grant_type = target.grant_type;
        entry.client_id = target.client_id.clone().filter(|client_id| self.clients.find(client_id).is_some());
        entry.status = answer.map_or(0, |response| response.status);
        entry.outcome = Outcome::Failed;
        entry.reason = Some(Reason::FaultBeforeChange);
        entry.faults.clone_from(&exchange.faults);
        if let Some(presented) = presented(&exchange.request) {
            entry.presented = Some(Fingerprint::of(&presented));
            if let Some((family, place)) = self.grants.find_refresh_token(&presented) {
                self.note_presentation(&mut entry, family, place);
            }
        }
        entry
    }
}

/// The credential that a request presents.
fn presented(request: &Request) -> Option<String> {
    let form = Parameters::parse(&request.body).ok()?;
    let names = ["refresh_token", "code", "device_code", "token"];
    names.into_iter().find_map(|name| form.value(name)).map(String::from)
}

/// What a request names, read leniently: a fault may strike a request that would be refused.
fn target(request: &Request, endpoint: Endpoint) -> Target {
    let form = Parameters::parse(&request.body).unwrap_or_default();
    let query = Parameters::parse(request.query.as_bytes()).unwrap_or_default();
    let in_basic = super::authentication::basic_credentials(request).map(|(client_id, _)| client_id);
    let in_text = form.value("client_id").or(query.value("client_id")).map(String::from);
    Target {
        endpoint,
        grant_type: form.value("grant_type").and_then(GrantType::parse),
        client_id: in_basic.or(in_text),
    }
}
