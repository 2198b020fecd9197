//! One refresh of one grant: read, claim, send, record.

mod answers;
mod clock;
mod recording;

use std::time::Duration;

use self::{
    clock::clock_was_set,
    recording::{Recording, Rescued},
};
use super::{
    CallId, Effect, Engine, FlowId, Next, Outcome, Refusal, SlotId, StoreFailure, asking, conclusion,
    endpoint::{EndpointKey, Entry},
    refusal::{backing_off, closed, owes_revocation, store_unavailable},
};
use crate::{
    client::ClientRecord,
    grant::{AccessEntry, AccessKey, GrantRecord, is_urgent},
    name::{AttemptId, GrantId},
    time::{Moment, Now, Timestamp},
    transaction::{Claim, Claimed, Command, Deferral, Postpone, Reply, Wait, Want, deadlines},
};

/// First pause of a flight that waits for another process; doubled up to [`LONGEST_POLL`].
const FIRST_POLL: Duration = Duration::from_millis(20);
const LONGEST_POLL: Duration = Duration::from_millis(250);

/// Every so many polls the lease is asked for instead of only looked at, which notices a holder that has ended.
const POLLS_PER_CLAIM: u32 = 4;

/// How often a full lifeboat is waited for.
const RESERVE_TRIES: u32 = 8;

/// A caller is kept waiting through an obstacle that ends within this time.
const WORTH_WAITING: Duration = Duration::from_secs(3);

/// How long a revocation takes at the most.
const REVOCATION: Duration = deadlines::SEND_WITHIN.saturating_add(deadlines::FLIGHT);

/// What is said of a success that the store does not have yet.
pub(super) const WAITS_FOR_STORE: &str = "the refresh succeeded and waits to be stored";

/// A grant that was due and asks for nothing is looked at again after this time.
const LONG_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest pause between two tries to write an outcome to a store that is away.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// One refresh on its way, and those who wait for it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and none excludes another")]
pub(crate) struct Flight {
    pub(crate) grant: GrantId,
    pub(crate) key: AccessKey,
    pub(crate) want: Want,
    waiters: Vec<Waiter>,
    scheduled: bool,
    /// It waits in line no longer.
    begun: bool,
    /// The token is in doubt, and the provider forgives a repetition for a short time only.
    urgent: bool,
    step: Step,
    entered: Option<EndpointKey>,
    slot: Option<Slot>,
    /// Claims before it has read: most flights of the scheduler, and those that want something newer, end in a claim.
    direct: bool,
    polls: u32,
    reserve_tries: u32,
    /// The grant as last seen, for callers whose time runs out.
    seen: Option<Box<GrantRecord>>,
    rescued: Option<Rescued>,
    owes_revocation: bool,
    /// The store could not tell of the grant, or not be told.
    stuck: bool,
}

/// A place in the lifeboat, and whether something was written to it.
#[derive(Debug)]
struct Slot {
    id: SlotId,
    written: bool,
}

#[derive(Debug)]
struct Waiter {
    call: CallId,
    want: Want,
    since: Moment,
    deadline: Moment,
}

#[derive(Debug)]
enum Step {
    Reading,
    /// The endpoint is full.
    Queued,
    /// Somebody else is at it, or an obstacle ends soon.
    Pausing {
        until: Moment,
    },
    Reserving,
    Claiming {
        attempt: AttemptId,
        asked_at: Moment,
    },
    /// Its refresh token may be old: the provider is asked about it first.
    Asking {
        claimed: Box<Claimed>,
        not_after: Moment,
    },
    Sending(Box<Sending>),
    Recording(Box<Recording>),
    Rescuing(Box<Recording>),
    /// The outcome could not be recorded: what is there for those who wait?
    Checking(Box<Recording>),
    RetryPause {
        recording: Box<Recording>,
        until: Moment,
    },
}

/// What a read of the grant brings.
type Found = Result<Option<Box<(GrantRecord, ClientRecord)>>, StoreFailure>;

#[derive(Debug)]
struct Sending {
    claimed: Box<Claimed>,
    sent_at: Timestamp,
}

impl Flight {
    pub(crate) fn new(grant: GrantId, key: AccessKey, want: Want) -> Self {
        Self {
            grant,
            key,
            want,
            waiters: Vec::new(),
            scheduled: false,
            begun: false,
            urgent: false,
            step: Step::Reading,
            entered: None,
            slot: None,
            direct: false,
            polls: 0,
            reserve_tries: 0,
            seen: None,
            rescued: None,
            owes_revocation: false,
            stuck: false,
        }
    }

    pub(crate) fn begun_by_scheduler(&mut self) {
        self.scheduled = true;
    }

    pub(crate) fn is_background(&self) -> bool {
        self.scheduled
    }

    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck
    }

    pub(crate) fn join(&mut self, call: CallId, want: Want, since: Moment, deadline: Moment) {
        self.waiters.push(Waiter { call, want, since, deadline });
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiters.len()
    }

    pub(crate) fn deadlines(&self) -> impl Iterator<Item = Moment> {
        self.waiters.iter().map(|waiter| waiter.deadline)
    }

    /// Whether those who join now can be answered without waiting.
    pub(crate) fn has_news(&self, wall: Timestamp) -> bool {
        self.living_rescued(wall).is_some()
    }

    /// Whether it is about to know what the grant holds: what it has seen before may have changed.
    pub(crate) fn is_reading(&self) -> bool {
        self.begun && matches!(self.step, Step::Reading)
    }

    /// Whether a request is under way, or its answer is not in the store yet.
    pub(crate) fn is_flying(&self) -> bool {
        !matches!(self.step, Step::Reading | Step::Queued | Step::Pausing { .. } | Step::Reserving)
    }

    /// Whether a process that ends may leave it: nothing of it is sent, or what came of it is in the lifeboat.
    pub(crate) fn may_be_left(&self) -> bool {
        match &self.step {
            Step::RetryPause { recording, .. } => recording.rescued,
            _ => !self.is_flying(),
        }
    }

    pub(crate) fn owed_revocation(&self) -> Option<(GrantId, bool)> {
        self.owes_revocation.then_some((self.grant, false))
    }

    pub(crate) fn first(&mut self, engine: &mut Engine, now: Now) -> Next {
        self.begun = true;
        let eager = self.scheduled || (matches!(self.want, Want::Newer { .. }) && self.key.scope.is_none());
        if eager && engine.endpoints.enter_unplaced(now.moment) {
            self.direct = true;
            return self.reserve(engine, now);
        }
        Next::Perform(Effect::Read(self.grant))
    }

    /// Those who still wait, as a flight of their own: what they want is more than this one brought.
    pub(crate) fn into_remaining(self) -> Option<Self> {
        let want = self.waiters.first()?.want;
        Some(Self { waiters: self.waiters, ..Self::new(self.grant, self.key, want) })
    }

    /// One step: an outcome has come in, or time has passed. `None`: goes on waiting as before.
    pub(crate) fn step(
        &mut self,
        engine: &mut Engine,
        id: FlowId,
        outcome: Option<Outcome>,
        now: Now,
    ) -> Option<Next> {
        let mut late = Vec::new();
        self.expire(now, &mut late);
        engine.outputs.extend(late);
        match (std::mem::replace(&mut self.step, Step::Reading), outcome) {
            (Step::Reading, Some(Outcome::Found(found))) => Some(self.found(engine, id, found, now)),
            (Step::Queued, None) => Some(self.enter(engine, id, now)),
            (Step::Pausing { until }, None) if until <= now.moment => {
                Some(Next::Perform(Effect::Read(self.grant)))
            }
            (Step::Reserving, Some(Outcome::Reserved(reserved))) => {
                Some(self.reserved(engine, reserved, now))
            }
            (Step::Claiming { attempt, asked_at }, Some(Outcome::Transacted(reply))) => {
                Some(self.claimed(engine, attempt, asked_at, reply, now))
            }
            (Step::Asking { claimed, not_after }, Some(Outcome::Answered(answer))) => {
                Some(self.told(claimed, not_after, &answer, now))
            }
            (Step::Sending(sending), Some(Outcome::Answered(answer))) => {
                Some(self.answered(engine, &sending, &answer, now))
            }
            (Step::Recording(recording), Some(Outcome::Transacted(reply))) => {
                Some(self.recorded(engine, recording, reply, now))
            }
            (Step::Checking(recording), Some(Outcome::Found(found))) => {
                Some(self.checked(engine, recording, found, now))
            }
            (Step::Rescuing(recording), Some(Outcome::Rescued(rescued))) => {
                Some(self.rescue_ended(engine, recording, rescued.is_ok(), now))
            }
            (Step::RetryPause { recording, until }, None) if until <= now.moment => {
                Some(self.record(recording))
            }
            (step, _) => {
                self.step = step;
                None
            }
        }
    }

    fn found(&mut self, engine: &mut Engine, id: FlowId, found: Found, now: Now) -> Next {
        let (grant, client) = match found {
            Ok(Some(found)) if found.0.removed_at.is_none() || owes_revocation(&found.0) => *found,
            Ok(_) => return self.refuse_all(engine, &Refusal::NoSuchGrant, now),
            Err(failure) => return self.give_up(engine, &failure, now),
        };
        engine.publish(&grant, &self.key);
        self.see(&grant);
        self.answer_satisfied(engine, now.wall);
        if let Some(refusal) = closed(&grant) {
            self.owes_revocation = self.scheduled && owes_revocation(&grant);
            if self.owes_revocation {
                // This process sees to it: no other one, and no later tick, until it must have come to an end.
                self.put_off(engine, now.wall.plus(REVOCATION), now);
            } else if self.scheduled && grant.next_due_at.is_some_and(|due| due <= now.wall) {
                // Only a claim closes what its dead owners have left open.
                return self.reserve(engine, now);
            }
            let removed = grant.removed_at.is_some();
            let refusal = if removed { Refusal::NoSuchGrant } else { refusal };
            return self.refuse_all(engine, &refusal, now);
        }
        if let Some(refusal) = conclusion::never_granted(&grant, &self.key) {
            return self.refuse_all(engine, &refusal, now);
        }
        if self.waiters.is_empty() && !self.wants_more(&grant, now.wall) {
            if self.scheduled {
                // Due and yet in order, as after a forced refresh that failed: found once, not at every tick.
                let stale = grant.access_for(&self.key).and_then(AccessEntry::stale_at);
                let next = stale.into_iter().chain(grant.life.keep_alive_at).min();
                self.put_off(engine, next.unwrap_or_else(|| now.wall.plus(LONG_AFTER)), now);
            }
            return Next::Done;
        }
        let somebody_else = grant.lease.is_some_and(|lease| lease.holder != engine.holder);
        if self.polls > 0 && somebody_else && !self.polls.is_multiple_of(POLLS_PER_CLAIM) {
            return self.poll_later(now);
        }
        self.urgent = is_urgent(&grant, &client.provider.rotation, now.wall);
        let endpoint = EndpointKey::of(&client);
        let newest = grant.access.iter().map(|entry| entry.issued_at).filter(|at| *at <= now.wall).max();
        if let Some(newest) = newest {
            engine.endpoints.answered_others(&endpoint, now.wall.since(newest), now.moment);
        }
        self.entered = Some(endpoint);
        self.enter(engine, id, now)
    }

    /// Keeps the scheduler from finding the grant before this time.
    fn put_off(&self, engine: &mut Engine, until: Timestamp, now: Now) {
        let postpone = Postpone { grant: self.grant, until, wall: now.wall };
        engine.perform_aside(Effect::Transact(Box::new(Command::Postpone(postpone))));
    }

    /// Whether a refresh is due although nobody waits.
    fn wants_more(&mut self, grant: &GrantRecord, wall: Timestamp) -> bool {
        self.want = Want::Early;
        !self.want.is_satisfied(grant, &self.key, wall)
    }

    fn enter(&mut self, engine: &mut Engine, id: FlowId, now: Now) -> Next {
        let Some(key) = self.entered.take() else { return Next::Perform(Effect::Read(self.grant)) };
        match engine.endpoints.enter(&key, id, self.urgent, now.moment) {
            Entry::Entered => {
                self.entered = Some(key);
                self.reserve(engine, now)
            }
            Entry::Full => {
                self.entered = Some(key);
                self.step = Step::Queued;
                Next::Sleep(now.moment.plus(LONGEST_RETRY))
            }
            Entry::NotBefore(until) => self.endpoint_is_down(engine, until, now),
        }
    }

    fn endpoint_is_down(&mut self, engine: &mut Engine, until: Moment, now: Now) -> Next {
        let wait = until.since(now.moment);
        if self.waiters.is_empty() {
            self.put_off(engine, now.wall.plus(wait), now);
            return Next::Done;
        }
        if wait <= WORTH_WAITING {
            return self.pause(until);
        }
        let diagnosis = self.seen.as_ref().and_then(|grant| grant.state.diagnosis().cloned()).map(Box::new);
        self.refuse_all(engine, &Refusal::ProviderUnavailable { diagnosis, retry_after: wait }, now)
    }

    fn reserve(&mut self, engine: &mut Engine, now: Now) -> Next {
        if let Some(slot) = engine.empty_slot() {
            return self.reserved(engine, Ok(slot), now);
        }
        self.step = Step::Reserving;
        Next::Perform(Effect::Reserve)
    }

    fn reserved(&mut self, engine: &mut Engine, reserved: Result<SlotId, StoreFailure>, now: Now) -> Next {
        match reserved {
            Ok(slot) => {
                self.slot = Some(Slot { id: slot, written: false });
                let attempt = AttemptId(engine.entropy.id());
                self.step = Step::Claiming { attempt, asked_at: now.moment };
                let claim = Claim {
                    grant: self.grant,
                    key: self.key.clone(),
                    want: self.waiters.first().map_or(self.want, |waiter| waiter.want),
                    holder: engine.holder,
                    attempt,
                    wall: now.wall,
                };
                Next::Perform(Effect::Transact(Box::new(Command::Claim(claim))))
            }
            Err(_) if !self.waiters.is_empty() && self.reserve_tries < RESERVE_TRIES => {
                // Every place is taken by a request under way: one will be free soon.
                self.reserve_tries += 1;
                self.give_back(engine);
                self.pause(now.moment.plus(LONGEST_POLL))
            }
            Err(failure) => self.give_up(engine, &failure, now),
        }
    }

    fn claimed(
        &mut self,
        engine: &mut Engine,
        attempt: AttemptId,
        asked_at: Moment,
        reply: Result<Reply, StoreFailure>,
        now: Now,
    ) -> Next {
        match reply {
            Ok(Reply::Claimed(claimed)) => {
                self.see(&claimed.grant);
                if std::mem::take(&mut self.direct) {
                    let key = EndpointKey::of(&claimed.client);
                    engine.endpoints.place(&key);
                    self.entered = Some(key);
                }
                if clock_was_set(&claimed, asked_at, now) {
                    let detail = "the wall clock was set while the lease was asked for".to_owned();
                    let refusal = Refusal::StoreUnavailable(detail.clone());
                    let conclusion = conclusion::not_sent(self.grant, attempt, detail, refusal, now.wall);
                    return self.record(Recording::of(conclusion));
                }
                // Counted from before the claim, on the clock that no one can set: a late send could meet a lease that
                // somebody else has taken over.
                let patience =
                    if sabotaged!(SendLate) { Duration::from_secs(3600) } else { claimed.pace.send_within };
                let not_after = asked_at.plus(patience);
                match asking::question(&claimed) {
                    Some(request) => {
                        // So that there is time left to send the refresh.
                        let deadline = claimed.pace.send_within / 2;
                        self.step = Step::Asking { claimed, not_after };
                        Next::Perform(Effect::Send { request, not_after, deadline })
                    }
                    None => self.send(claimed, not_after, now),
                }
            }
            // Not a plain refresh: what it is, the careful way finds out.
            Ok(Reply::Deferred(_)) | Err(StoreFailure::Conflict(_)) if self.direct => self.read(engine),
            // Those who wait may be content with what the grant holds.
            Err(StoreFailure::Away(_)) if self.direct && !self.waiters.is_empty() => self.read(engine),
            Ok(Reply::Deferred(deferral)) => self.deferred(engine, &deferral, now),
            Ok(_) => self.refuse_all(engine, &Refusal::StoreUnavailable("unexpected reply".to_owned()), now),
            Err(StoreFailure::Ambiguous(detail)) => {
                // The attempt may be in the journal although nothing was sent: it must not stand there in doubt.
                let refusal = Refusal::StoreUnavailable(detail.clone());
                let conclusion = conclusion::not_sent(self.grant, attempt, detail, refusal, now.wall);
                // Those who wait may be content with what the grant holds.
                self.step = Step::Checking(Recording::of(conclusion));
                Next::Perform(Effect::Read(self.grant))
            }
            Err(failure) => self.give_up(engine, &failure, now),
        }
    }

    fn told(
        &mut self,
        claimed: Box<Claimed>,
        not_after: Moment,
        answer: &Result<crate::wire::http::HttpResponse, crate::wire::http::TransportFailure>,
        now: Now,
    ) -> Next {
        if asking::says_inactive(answer) && self.waiters.is_empty() {
            let conclusion = asking::left_alone(&claimed, now.wall);
            return self.record(Recording::of(conclusion));
        }
        self.send(claimed, not_after, now)
    }

    fn send(&mut self, claimed: Box<Claimed>, not_after: Moment, now: Now) -> Next {
        let deadline = claimed.pace.flight;
        match conclusion::refresh_request(&claimed, &self.key) {
            Ok(request) => {
                self.step = Step::Sending(Box::new(Sending { claimed, sent_at: now.wall }));
                Next::Perform(Effect::Send { request, not_after, deadline })
            }
            Err(unsendable) => {
                let conclusion = conclusion::unsendable(&claimed, unsendable, now.wall);
                self.record(Recording::of(conclusion))
            }
        }
    }

    fn read(&mut self, engine: &mut Engine) -> Next {
        self.give_back(engine);
        self.step = Step::Reading;
        Next::Perform(Effect::Read(self.grant))
    }

    fn deferred(&mut self, engine: &mut Engine, deferral: &Deferral, now: Now) -> Next {
        let grant = &deferral.grant;
        engine.publish(grant, &self.key);
        self.see(grant);
        if engine.outdated && !self.waiters.is_empty() {
            // The obstacle may be gone, and what others have changed since is not in it.
            return self.read(engine);
        }
        let until = |until: Timestamp| until.since(now.wall);
        let state = || grant.state.diagnosis().cloned().map(Box::new);
        let (wait, refusal) = match &deferral.wait {
            Wait::Satisfied => {
                self.answer_satisfied(engine, now.wall);
                return self.leave(engine);
            }
            Wait::Leased { .. } => {
                self.give_back(engine);
                if self.waiters.is_empty() {
                    return Next::Done;
                }
                return self.poll_later(now);
            }
            Wait::BackingOff { until: at } => (until(*at), backing_off(grant, until(*at))),
            Wait::ClientSuspended { until: at, diagnosis } => {
                let diagnosis = diagnosis.clone().or_else(state);
                let retry_after = until(*at);
                let refusal = match diagnosis {
                    Some(diagnosis) => Refusal::ClientRejected { diagnosis, retry_after },
                    None => Refusal::InProgress { retry_after },
                };
                (retry_after, refusal)
            }
            Wait::OutcomeUnknown { until: at } => {
                (until(*at), Refusal::OutcomeUnknown { diagnosis: state(), retry_after: until(*at) })
            }
            Wait::OnProbation { until: at } => (until(*at), Refusal::InProgress { retry_after: until(*at) }),
            Wait::Closed => {
                return self.refuse_all(engine, &closed(grant).unwrap_or(Refusal::NotRefreshable), now);
            }
            Wait::Quarantined => return self.refuse_all(engine, &Refusal::Quarantined, now),
        };
        self.answer_satisfied(engine, now.wall);
        if wait <= WORTH_WAITING && !self.waiters.is_empty() {
            self.give_back(engine);
            return self.pause(now.moment.plus(wait.max(FIRST_POLL)));
        }
        self.refuse_all(engine, &refusal, now)
    }

    fn answered(
        &mut self,
        engine: &mut Engine,
        sending: &Sending,
        answer: &Result<crate::wire::http::HttpResponse, crate::wire::http::TransportFailure>,
        now: Now,
    ) -> Next {
        let conclusion =
            conclusion::conclude(engine, &sending.claimed, &self.key, sending.sent_at, answer, now);
        if let Some(key) = &self.entered {
            match &conclusion.endpoint {
                conclusion::EndpointVerdict::Healthy => engine.endpoints.succeeded(key),
                conclusion::EndpointVerdict::Failing { retry_after } => {
                    engine.endpoints.failed(key, *retry_after, now.moment, &mut engine.entropy);
                }
                conclusion::EndpointVerdict::Unknown => {}
            }
        }
        self.conclude(engine, conclusion, now)
    }

    fn poll_later(&mut self, now: Now) -> Next {
        let pause = FIRST_POLL.saturating_mul(1 << self.polls.min(8)).min(LONGEST_POLL);
        self.polls += 1;
        self.pause(now.moment.plus(pause))
    }

    fn pause(&mut self, until: Moment) -> Next {
        self.step = Step::Pausing { until };
        Next::Sleep(until)
    }

    /// What is seen is never older than what was seen before: a slow answer of the store tells of the past.
    fn see(&mut self, grant: &GrantRecord) {
        if self.has_seen_newer(grant) {
            return;
        }
        self.seen = Some(Box::new(grant.clone()));
    }

    fn has_seen_newer(&self, grant: &GrantRecord) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.revision > grant.revision)
    }

    /// The store fails before anything is sent.
    fn give_up(&mut self, engine: &mut Engine, failure: &StoreFailure, now: Now) -> Next {
        self.stuck = true;
        self.refuse_all(engine, &store_unavailable(failure), now)
    }

    fn leave(&mut self, engine: &mut Engine) -> Next {
        self.give_back(engine);
        Next::Done
    }

    fn give_back(&mut self, engine: &mut Engine) {
        if let Some(key) = self.entered.take() {
            engine.endpoints.leave(&key);
        }
        if std::mem::take(&mut self.direct) {
            engine.endpoints.leave_unplaced();
        }
        if let Some(slot) = self.slot.take() {
            engine.give_back_slot(slot.id, slot.written);
        }
    }
}
