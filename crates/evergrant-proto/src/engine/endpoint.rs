//! The health of token endpoints: an outage at one slows only its own grants.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use super::{FlowId, backoff::wait_after, entropy::Entropy};
use crate::{client::ClientRecord, time::Moment};

/// After this many failures in a row an endpoint is asked by one flight at a time, with pauses.
const UNHEALTHY_AFTER: u32 = 3;

/// Token endpoints by client: rate limits are counted by client at most providers.
#[derive(Debug)]
pub(crate) struct Endpoints {
    limit: usize,
    known: HashMap<EndpointKey, Endpoint>,
    /// Flights that claim before they know their endpoint.
    unplaced: usize,
}

/// Names a token endpoint as used by one client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct EndpointKey {
    client: crate::name::ClientName,
    namespace: crate::name::Namespace,
    url: String,
}

#[derive(Debug, Default)]
struct Endpoint {
    in_flight: usize,
    /// In order of arrival; an entry that is no longer in `waiting` has found its way in by itself.
    line: VecDeque<FlowId>,
    waiting: HashSet<FlowId>,
    failures: u32,
    not_before: Option<Moment>,
}

/// Whether a flight may go to its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// It may; it must leave again.
    Entered,
    /// The endpoint is not doing well: not before this time.
    NotBefore(Moment),
    /// Too many are there already; it will be woken.
    Full,
}

impl EndpointKey {
    pub(crate) fn of(client: &ClientRecord) -> Self {
        Self {
            client: client.name.clone(),
            namespace: client.namespace.clone(),
            url: client.endpoints.for_refresh().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl Endpoints {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, known: HashMap::new(), unplaced: 0 }
    }

    /// What is `urgent` goes to an endpoint that is not doing well, too: later it would be of no use.
    pub(crate) fn enter(&mut self, key: &EndpointKey, flow: FlowId, urgent: bool, now: Moment) -> Entry {
        let endpoint = self.known.entry(key.clone()).or_default();
        if let Some(not_before) = endpoint.not_before.filter(|not_before| *not_before > now && !urgent) {
            return Entry::NotBefore(not_before);
        }
        let limit = if endpoint.failures >= UNHEALTHY_AFTER && !urgent { 1 } else { self.limit };
        if endpoint.in_flight >= limit {
            if endpoint.waiting.insert(flow) {
                endpoint.line.push_back(flow);
            }
            return Entry::Full;
        }
        endpoint.waiting.remove(&flow);
        endpoint.in_flight += 1;
        Entry::Entered
    }

    /// Lets a flight in that does not know its endpoint yet, if it would be let in at any.
    pub(crate) fn enter_unplaced(&mut self, now: Moment) -> bool {
        let limit = self.limit;
        let unplaced = self.unplaced;
        let roomy = |endpoint: &Endpoint| {
            endpoint.failures == 0
                && endpoint.waiting.is_empty()
                && endpoint.not_before.is_none_or(|not_before| not_before <= now)
                && endpoint.in_flight + unplaced < limit
        };
        let enters = unplaced < limit && self.known.values().all(roomy);
        self.unplaced += usize::from(enters);
        enters
    }

    /// The endpoint of an unplaced flight is known now.
    pub(crate) fn place(&mut self, key: &EndpointKey) {
        self.leave_unplaced();
        self.known.entry(key.clone()).or_default().in_flight += 1;
    }

    pub(crate) fn leave_unplaced(&mut self) {
        self.unplaced = self.unplaced.saturating_sub(1);
    }

    pub(crate) fn leave(&mut self, key: &EndpointKey) {
        if let Some(endpoint) = self.known.get_mut(key) {
            endpoint.in_flight = endpoint.in_flight.saturating_sub(1);
            let idle = endpoint.in_flight == 0 && endpoint.waiting.is_empty() && endpoint.failures == 0;
            if idle && endpoint.not_before.is_none() {
                self.known.remove(key);
            }
        }
    }

    /// The endpoint answered properly.
    pub(crate) fn succeeded(&mut self, key: &EndpointKey) {
        if let Some(endpoint) = self.known.get_mut(key) {
            endpoint.failures = 0;
            endpoint.not_before = None;
        }
    }

    /// The endpoint, or the way to it, failed.
    pub(crate) fn failed(
        &mut self,
        key: &EndpointKey,
        retry_after: Option<Duration>,
        now: Moment,
        entropy: &mut Entropy,
    ) {
        let endpoint = self.known.entry(key.clone()).or_default();
        endpoint.failures = endpoint.failures.saturating_add(1);
        if retry_after.is_some() || endpoint.failures >= UNHEALTHY_AFTER {
            let failures = endpoint.failures.saturating_sub(UNHEALTHY_AFTER);
            let until = now.plus(wait_after(failures, retry_after, entropy));
            endpoint.not_before = endpoint.not_before.max(Some(until));
        }
    }

    /// Flights that were turned away because of the limit and may try again.
    pub(crate) fn admissible(&mut self) -> Vec<FlowId> {
        let limit = self.limit;
        let mut woken = Vec::new();
        for endpoint in self.known.values_mut().filter(|endpoint| !endpoint.line.is_empty()) {
            let limit = if endpoint.failures >= UNHEALTHY_AFTER { 1 } else { limit };
            let mut free = limit.saturating_sub(endpoint.in_flight);
            while free > 0
                && let Some(flow) = endpoint.line.pop_front()
            {
                if endpoint.waiting.remove(&flow) {
                    woken.push(flow);
                    free -= 1;
                }
            }
        }
        woken
    }
}
