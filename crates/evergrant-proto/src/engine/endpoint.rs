//! The health of token endpoints: an outage at one slows only its own grants.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use super::{FlowId, backoff::wait_after, entropy::Entropy};
use crate::{client::ClientRecord, time::Moment};

/// Refreshes that one process may have under way at all endpoints together. Each holds one of the 72 places of the
/// lifeboat: the rest is for code exchanges, which repair what refreshes cannot.
const MOST_REFRESHES: usize = 64;

/// Code exchanges of one client at one endpoint. They have no other bound: neither refreshes in flight nor a pause after
/// failures hold them up, since a code lives for a minute and somebody is waiting in front of a browser.
const MOST_EXCHANGES: usize = 8;

/// After this many failures in a row an endpoint is asked by one flight at a time, with pauses.
const UNHEALTHY_AFTER: u32 = 3;

/// Token endpoints by client: rate limits are counted by client at most providers.
#[derive(Debug)]
pub(crate) struct Endpoints {
    limit: usize,
    known: HashMap<EndpointKey, Endpoint>,
    /// Flights that claim before they know their endpoint.
    unplaced: usize,
    /// Flights at all endpoints.
    placed: usize,
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
    exchanges: usize,
    /// In order of arrival; an entry that is no longer in `waiting` has found its way in by itself.
    line: VecDeque<FlowId>,
    waiting: HashSet<FlowId>,
    failures: u32,
    failed_at: Option<Moment>,
    not_before: Option<Moment>,
    /// The provider has said when to come again.
    stated: bool,
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
    /// Where the client's refreshes go.
    pub(crate) fn of(client: &ClientRecord) -> Self {
        Self::naming(client, client.endpoints.for_refresh())
    }

    /// Where its codes are exchanged.
    pub(crate) fn of_exchange(client: &ClientRecord) -> Self {
        Self::naming(client, client.endpoints.token.as_ref())
    }

    fn naming(client: &ClientRecord, url: Option<&url::Url>) -> Self {
        Self {
            client: client.name.clone(),
            namespace: client.namespace.clone(),
            url: url.map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl Endpoint {
    fn recover(&mut self) {
        (self.failures, self.failed_at, self.not_before, self.stated) = (0, None, None, false);
    }
}

impl Endpoints {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, known: HashMap::new(), unplaced: 0, placed: 0 }
    }

    /// What is `urgent` goes to an endpoint that is not doing well, too: later it would be of no use.
    pub(crate) fn enter(&mut self, key: &EndpointKey, flow: FlowId, urgent: bool, now: Moment) -> Entry {
        let in_flight = self.in_flight();
        let endpoint = self.known.entry(key.clone()).or_default();
        if let Some(not_before) = endpoint.not_before.filter(|not_before| *not_before > now && !urgent) {
            return Entry::NotBefore(not_before);
        }
        let limit = if endpoint.failures >= UNHEALTHY_AFTER && !urgent { 1 } else { self.limit };
        if endpoint.in_flight >= limit || in_flight >= MOST_REFRESHES {
            if endpoint.waiting.insert(flow) {
                endpoint.line.push_back(flow);
            }
            return Entry::Full;
        }
        endpoint.waiting.remove(&flow);
        endpoint.in_flight += 1;
        self.placed += 1;
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
        let enters = unplaced < limit && self.in_flight() < MOST_REFRESHES && self.known.values().all(roomy);
        self.unplaced += usize::from(enters);
        enters
    }

    /// The endpoint of an unplaced flight is known now.
    pub(crate) fn place(&mut self, key: &EndpointKey) {
        self.leave_unplaced();
        self.known.entry(key.clone()).or_default().in_flight += 1;
        self.placed += 1;
    }

    pub(crate) fn leave_unplaced(&mut self) {
        self.unplaced = self.unplaced.saturating_sub(1);
    }

    pub(crate) fn leave(&mut self, key: &EndpointKey) {
        if let Some(endpoint) = self.known.get_mut(key).filter(|endpoint| endpoint.in_flight > 0) {
            endpoint.in_flight -= 1;
            self.placed -= 1;
        }
        self.forget_if_idle(key);
    }

    /// Lets a code exchange in, unless too many are there already. Refreshes do not matter to it.
    pub(crate) fn enter_exchange(&mut self, key: &EndpointKey) -> bool {
        let endpoint = self.known.entry(key.clone()).or_default();
        let enters = endpoint.exchanges < MOST_EXCHANGES;
        endpoint.exchanges += usize::from(enters);
        enters
    }

    pub(crate) fn leave_exchange(&mut self, key: &EndpointKey) {
        if let Some(endpoint) = self.known.get_mut(key) {
            endpoint.exchanges = endpoint.exchanges.saturating_sub(1);
        }
        self.forget_if_idle(key);
    }

    fn forget_if_idle(&mut self, key: &EndpointKey) {
        let idle = |endpoint: &Endpoint| {
            endpoint.in_flight + endpoint.exchanges == 0
                && endpoint.waiting.is_empty()
                && endpoint.failures == 0
                && endpoint.not_before.is_none()
        };
        if self.known.get(key).is_some_and(idle) {
            self.known.remove(key);
        }
    }

    fn in_flight(&self) -> usize {
        self.unplaced + self.placed
    }

    /// The endpoint answered properly.
    pub(crate) fn succeeded(&mut self, key: &EndpointKey) {
        if let Some(endpoint) = self.known.get_mut(key) {
            endpoint.recover();
        }
    }

    /// A grant shows that another process sent a request so long ago that was answered properly. If ours failed before that,
    /// it says nothing any more; what the provider has asked for still counts.
    pub(crate) fn answered_others(&mut self, key: &EndpointKey, age: Duration, now: Moment) {
        let outlived = |endpoint: &&mut Endpoint| {
            !endpoint.stated && endpoint.failed_at.is_some_and(|at| now.since(at) > age)
        };
        if let Some(endpoint) = self.known.get_mut(key).filter(outlived) {
            endpoint.recover();
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
        endpoint.failed_at = Some(now);
        endpoint.stated |= retry_after.is_some();
        if retry_after.is_some() || endpoint.failures >= UNHEALTHY_AFTER {
            let failures = endpoint.failures.saturating_sub(UNHEALTHY_AFTER);
            let until = now.plus(wait_after(failures, retry_after, entropy));
            endpoint.not_before = endpoint.not_before.max(Some(until));
        }
    }

    /// Flights that were turned away because of the limit and may try again: each place goes to the endpoint that has the
    /// fewest, so that the crowd in front of a slow one keeps nobody else waiting.
    pub(crate) fn admissible(&mut self) -> Vec<FlowId> {
        let limit = self.limit;
        let room = MOST_REFRESHES.saturating_sub(self.in_flight());
        let lines = self.known.values_mut().filter(|endpoint| !endpoint.line.is_empty());
        let mut lines: Vec<_> = lines.map(|endpoint| (endpoint.in_flight, endpoint)).collect();
        let mut woken = Vec::new();
        while woken.len() < room {
            let has_room = |(places, endpoint): &&mut (usize, &mut Endpoint)| {
                let limit = if endpoint.failures >= UNHEALTHY_AFTER { 1 } else { limit };
                *places < limit && !endpoint.line.is_empty()
            };
            let next = lines.iter_mut().filter(has_room);
            let Some((places, endpoint)) = next.min_by_key(|line| (line.0, line.1.line.front().copied()))
            else {
                break;
            };
            if let Some(flow) = endpoint.line.pop_front()
                && endpoint.waiting.remove(&flow)
            {
                woken.push(flow);
                *places += 1;
            }
        }
        woken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment(0);

    fn key(url: &str) -> EndpointKey {
        EndpointKey {
            client: crate::name::ClientName::new("shop").unwrap(),
            namespace: crate::name::Namespace::default(),
            url: url.to_owned(),
        }
    }

    fn enter(endpoints: &mut Endpoints, url: &str, flow: u64) -> Entry {
        endpoints.enter(&key(url), FlowId(flow), false, START)
    }

    fn fill(endpoints: &mut Endpoints, url: &str, flows: std::ops::Range<u64>) {
        for flow in flows {
            assert_eq!(enter(endpoints, url, flow), Entry::Entered, "{flow}");
        }
    }

    #[test]
    fn an_answer_to_another_process_since_the_last_failure_ends_the_pause_unless_the_provider_asked_for_it() {
        let mut entropy = Entropy::new([7; 32]);
        let at = |seconds| START.plus(Duration::from_secs(seconds));
        for (retry_after, sent_ago, forgets) in
            [(None, 2, true), (None, 20, false), (Some(Duration::from_secs(600)), 2, false)]
        {
            let mut endpoints = Endpoints::new(16);
            for _ in 0..8 {
                endpoints.failed(&key("a"), retry_after, at(100), &mut entropy);
            }
            endpoints.answered_others(&key("a"), Duration::from_secs(sent_ago), at(110));
            assert_eq!(endpoints.known[&key("a")].failures == 0, forgets, "{retry_after:?} {sent_ago}");
        }
    }

    #[test]
    fn who_finds_an_endpoint_full_is_woken_in_order_as_soon_as_there_is_room() {
        let mut endpoints = Endpoints::new(2);
        fill(&mut endpoints, "a", 0..2);
        assert_eq!(enter(&mut endpoints, "a", 2), Entry::Full);
        assert_eq!(enter(&mut endpoints, "a", 3), Entry::Full);
        assert_eq!(enter(&mut endpoints, "b", 4), Entry::Entered, "another endpoint");
        assert!(endpoints.admissible().is_empty());
        endpoints.leave(&key("a"));
        assert_eq!(endpoints.admissible(), [FlowId(2)]);
        assert_eq!(enter(&mut endpoints, "a", 2), Entry::Entered);
    }

    #[test]
    fn code_exchanges_go_past_refreshes_and_past_a_pause_and_have_a_bound_of_their_own() {
        let mut endpoints = Endpoints::new(2);
        fill(&mut endpoints, "a", 0..2);
        let mut entropy = Entropy::new([3; 32]);
        endpoints.failed(&key("a"), Some(Duration::from_secs(600)), START, &mut entropy);
        assert!(matches!(enter(&mut endpoints, "a", 2), Entry::NotBefore(_)));
        assert!((0..MOST_EXCHANGES).all(|_| endpoints.enter_exchange(&key("a"))));
        assert!(!endpoints.enter_exchange(&key("a")));
        assert!(endpoints.enter_exchange(&key("b")));
        endpoints.leave_exchange(&key("a"));
        assert!(endpoints.enter_exchange(&key("a")));
    }

    #[test]
    fn a_crowd_at_a_slow_endpoint_keeps_nobody_else_waiting() {
        let mut endpoints = Endpoints::new(64);
        fill(&mut endpoints, "slow", 0..64);
        for flow in 64..1000 {
            assert_eq!(enter(&mut endpoints, "slow", flow), Entry::Full);
        }
        for (flow, url) in [(1000, "a"), (1001, "a"), (1002, "b")] {
            assert_eq!(enter(&mut endpoints, url, flow), Entry::Full);
        }
        // Each endpoint its first, in the order in which they came; then the second of one that still has fewer.
        for (expected, url) in [(1000, "a"), (1002, "b"), (1001, "a")] {
            endpoints.leave(&key("slow"));
            assert_eq!(endpoints.admissible(), [FlowId(expected)]);
            assert_eq!(enter(&mut endpoints, url, expected), Entry::Entered);
        }
        endpoints.leave(&key("slow"));
        assert_eq!(endpoints.admissible(), [FlowId(64)]);
    }

    #[test]
    fn all_refreshes_together_leave_places_of_the_lifeboat_for_code_exchanges() {
        let mut endpoints = Endpoints::new(64);
        fill(&mut endpoints, "a", 0..40);
        fill(&mut endpoints, "b", 40..64);
        assert_eq!(enter(&mut endpoints, "c", 64), Entry::Full);
        assert!(!endpoints.enter_unplaced(START));
        endpoints.leave(&key("a"));
        assert_eq!(endpoints.admissible(), [FlowId(64)], "also at an endpoint where nothing has ended");
    }

    #[test]
    fn an_endpoint_that_fails_is_asked_by_one_at_a_time_and_the_others_are_not_slowed() {
        let mut endpoints = Endpoints::new(64);
        let mut entropy = Entropy::new([4; 32]);
        for _ in 0..UNHEALTHY_AFTER {
            endpoints.failed(&key("a"), None, START, &mut entropy);
        }
        let Entry::NotBefore(until) = enter(&mut endpoints, "a", 1) else { panic!("no pause") };
        assert!(until.since(START) <= Duration::from_secs(2));
        assert_eq!(endpoints.enter(&key("a"), FlowId(1), false, until), Entry::Entered);
        assert_eq!(endpoints.enter(&key("a"), FlowId(2), false, until), Entry::Full);
        assert_eq!(endpoints.enter(&key("a"), FlowId(3), true, until), Entry::Entered, "what is urgent");
        fill(&mut endpoints, "b", 10..40);
        endpoints.succeeded(&key("a"));
        assert_eq!(endpoints.enter(&key("a"), FlowId(4), false, START), Entry::Entered);
    }

    #[test]
    fn pauses_are_drawn_from_the_whole_span_and_never_end_before_retry_after() {
        let mut entropy = Entropy::new([5; 32]);
        let mut pause = |failures: u32, retry_after| {
            let mut endpoints = Endpoints::new(64);
            for _ in 0..failures {
                endpoints.failed(&key("a"), retry_after, START, &mut entropy);
            }
            match enter(&mut endpoints, "a", 0) {
                Entry::NotBefore(until) => until.since(START),
                Entry::Entered | Entry::Full => Duration::ZERO,
            }
        };
        let drawn: Vec<_> = (0..200).map(|_| pause(12, None)).collect();
        let within =
            |from: u64, to: u64| drawn.iter().filter(|pause| (from..to).contains(&pause.as_secs())).count();
        assert!(within(0, 150) > 20 && within(150, 301) > 20, "full jitter: {drawn:?}");
        let asked = Duration::from_secs(90);
        assert!((0..100).all(|_| pause(1, Some(asked)) >= asked));
    }

    #[test]
    fn an_endpoint_where_nothing_happens_is_forgotten() {
        let mut endpoints = Endpoints::new(2);
        fill(&mut endpoints, "a", 0..1);
        assert!(endpoints.enter_exchange(&key("a")));
        endpoints.leave(&key("a"));
        endpoints.leave_exchange(&key("a"));
        assert!(endpoints.known.is_empty());
    }
}
