//! How much is asked of the provider.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use evergrant_proto::{
    grant::Outcome,
    name::{Fence, GrantId},
    time::Timestamp,
    transaction::Command,
};

use super::{Circumstances, Judge, presentation::is_closed};
use crate::Invariant;

/// Milliseconds, and how many refreshes of one grant may be sent in any such window that nobody asked for by force, beyond
/// those that renew what has been used up. The backoff has full jitter: a short window can hold a few small draws, a long
/// one cannot.
pub(super) const WINDOWS: [(u64, usize); 3] = [(60_000, 14), (600_000, 26), (3_600_000, 60)];

/// The same for requests that revoke what a grant holds. They need no lease: each of four processes may send its own.
const REVOCATIONS: [(u64, usize); 3] = [(60_000, 4 * 8), (600_000, 4 * 14), (3_600_000, 4 * 30)];

/// Beyond what each grant may do: how many requests reach the token endpoint in a window besides.
const ENDPOINT_EXTRA: usize = 8;

/// What somebody did counts for so long: the refresh that it causes may have to wait.
const CREDIT_LASTS: u64 = 1_200_000;

/// Requests and the reasons for them.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    grants: BTreeMap<GrantId, Requests>,
    endpoint: Requests,
    revocations: BTreeMap<GrantId, Requests>,
    /// Authorization codes that were sent.
    codes: BTreeSet<String>,
    /// How often the wall clock was set.
    pub(super) clock_settings: u32,
    pub(super) busiest: [usize; WINDOWS.len()],
}

#[derive(Debug, Default)]
struct Requests {
    sent: VecDeque<u64>,
    /// Forced refreshes, rejected tokens, changed clients, new authorizations: each may cost one request.
    credits: VecDeque<u64>,
    /// What the provider asked for with `Retry-After` and the store has on record, and the lease under which it did.
    not_before: Option<(Timestamp, Fence)>,
}

impl Requests {
    fn send(&mut self, now: u64) {
        let longest = WINDOWS[WINDOWS.len() - 1].0;
        self.sent.push_back(now);
        while self.sent.front().is_some_and(|at| now - at >= longest) {
            self.sent.pop_front();
        }
        while self.credits.front().is_some_and(|at| now - at >= longest + CREDIT_LASTS) {
            self.credits.pop_front();
        }
    }

    /// How many were sent in the window that ends now, without those that somebody caused.
    fn unforced(&self, now: u64, window: u64) -> usize {
        let sent = self.sent.iter().rev().take_while(|at| now - **at < window).count();
        let credits = self.credits.iter().rev().take_while(|at| now - **at < window + CREDIT_LASTS).count();
        sent.saturating_sub(credits)
    }
}

impl Traffic {
    /// What was sent and what was asked for is on no record any more.
    pub(super) fn forget(&mut self) {
        self.grants.clear();
        self.revocations.clear();
        self.endpoint = Requests::default();
    }
}

impl Judge {
    /// Somebody did what may cost a request of this grant, or of every grant.
    pub(crate) fn allow_request(&mut self, grant: Option<GrantId>, now: u64) {
        let traffic = &mut self.traffic;
        traffic.endpoint.credits.push_back(now);
        match grant {
            Some(grant) => traffic.grants.entry(grant).or_default().credits.push_back(now),
            None => traffic.grants.values_mut().for_each(|requests| requests.credits.push_back(now)),
        }
    }

    /// Somebody revokes a grant, or a late success makes one more token that is to be revoked.
    pub(crate) fn allow_revocation(&mut self, grant: GrantId, now: u64) {
        self.traffic.revocations.entry(grant).or_default().credits.push_back(now);
    }

    /// The provider is told to revoke what this grant holds.
    pub(crate) fn judge_revocation(&mut self, grant: GrantId, now: u64) {
        let requests = self.traffic.revocations.entry(grant).or_default();
        requests.send(now);
        let unforced = REVOCATIONS.map(|(window, most)| (window, most, requests.unforced(now, window)));
        for (window, _, sent) in unforced.into_iter().filter(|(_, most, sent)| sent > most) {
            let evidence = format!("{sent} revocations of grant {grant} within {window} ms");
            self.object(Invariant::BoundedRequests, now, evidence);
        }
    }

    /// An authorization code is sent: once, whatever became of it (RFC 6749 4.1.2).
    pub(crate) fn judge_code(&mut self, code: &str, now: u64) {
        if !self.traffic.codes.insert(code.to_owned()) {
            self.object(Invariant::BoundedRequests, now, "an authorization code is sent again".to_owned());
        }
    }

    /// The wall clock was set: what was to be waited for by it means nothing any more.
    pub(crate) fn forget_promises(&mut self) {
        self.traffic.clock_settings += 1;
        for requests in self.traffic.grants.values_mut() {
            requests.not_before = None;
        }
    }

    /// What a recorded outcome says about the next request.
    pub(super) fn note_promise(&mut self, command: &Command, grant: &evergrant_proto::grant::GrantRecord) {
        let begins = matches!(command, Command::Import(_) | Command::Complete(_) | Command::Revoke(_));
        if begins {
            self.traffic.grants.entry(grant.id).or_default().not_before = None;
        }
        let Some(id) = command.attempt() else { return };
        let promise = self.of_attempt.get(&id).and_then(|number| self.presentations[*number].not_before);
        let settings = self.traffic.clock_settings;
        let asked = promise.filter(|(_, before)| *before == settings).map(|(until, _)| until);
        let requests = self.traffic.grants.entry(grant.id).or_default();
        match command {
            Command::End(_) => {
                let governs = grant.attempts.iter().any(|attempt| {
                    attempt.id == id
                        && attempt.fence == grant.fence
                        && attempt.generation == grant.generation
                        && matches!(attempt.outcome, Some(Outcome::Failed { .. } | Outcome::Unknown { .. }))
                });
                if let Some(until) = asked.filter(|_| governs) {
                    requests.not_before = Some((until, grant.fence));
                }
            }
            _ => requests.not_before = None,
        }
    }

    pub(super) fn judge_traffic(&mut self, moment: &Circumstances<'_>) {
        let Some(grant) = moment.grant else { return };
        let now = moment.now;
        // What was claimed before an import, and is sent beside what was claimed after it, was allowed before that answer.
        let own =
            grant.attempts.iter().filter(|attempt| attempt.is_open() && attempt.holder == moment.holder);
        let own = own.max_by_key(|attempt| attempt.fence);
        if is_closed(grant) && own.is_none_or(|own| own.generation == grant.generation) {
            let evidence =
                format!("a request is sent for grant {}, which is {}", grant.id, grant.state.name());
            self.object(Invariant::BoundedRequests, now, evidence);
        }
        let promise = self.traffic.grants.get(&grant.id).and_then(|requests| requests.not_before);
        let binds = |(until, since): &(Timestamp, Fence)| {
            *until > moment.wall && own.is_none_or(|own| own.fence > *since)
        };
        if let Some((not_before, _)) = promise.filter(binds) {
            let early = not_before.since(moment.wall);
            let evidence = format!(
                "grant {} is refreshed {early:?} before the provider's Retry-After has passed",
                grant.id
            );
            self.object(Invariant::BoundedRequests, now, evidence);
        }
        self.count(grant.id, now);
    }

    fn count(&mut self, grant: GrantId, now: u64) {
        // What is renewed in time is renewed in the last fifth of its life.
        let renewal = (self.scene.access_token_s * 700).max(1);
        let most = |(window, most): (u64, usize)| {
            (window, most + usize::try_from(window / renewal).expect("a window is short"))
        };
        let traffic = &mut self.traffic;
        traffic.endpoint.send(now);
        let requests = traffic.grants.entry(grant).or_default();
        requests.send(now);
        let mut complaints = Vec::new();
        for (index, (window, most)) in WINDOWS.into_iter().map(most).enumerate() {
            let sent = requests.unforced(now, window);
            traffic.busiest[index] = traffic.busiest[index].max(sent);
            if sent > most {
                complaints.push(format!("{sent} refreshes of grant {grant} within {window} ms"));
            }
        }
        let grants = traffic.grants.len();
        for (window, most) in WINDOWS.into_iter().map(most) {
            let sent = traffic.endpoint.unforced(now, window);
            if sent > most * grants.max(1) / 2 + most + ENDPOINT_EXTRA {
                complaints
                    .push(format!("{sent} refreshes of {grants} grants at one endpoint within {window} ms"));
            }
        }
        for complaint in complaints {
            self.object(Invariant::BoundedRequests, now, complaint);
        }
    }
}
