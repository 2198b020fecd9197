//! The way back from the provider: from the callback to a connected grant.
//!
//! The link is used up and the exchange journalled before the code is sent; a code is never sent twice. While a grant
//! is repaired, new flights of it are kept from starting, and an open one is waited for.
//!
//! A device has no way back: it polls, and any poll may bring the tokens. Each goes the same way from where the exchange is
//! journalled. The first poll uses up the link; the others find it used by themselves, as long as it has not ended.
//! Refreshes go on meanwhile: a person may take half an hour.

use std::time::Duration;

use super::{
    Answer, CallId, CallbackEnd, DevicePoll, Effect, Engine, Flow, Next, Outcome, Pace, SlotId, StoreFailure,
    code::Code,
    conclusion::{self, Exchanged, SentCode},
    endpoint::EndpointKey,
};
use crate::{
    authorization::{AuthorizationRecord, AuthorizationStatus},
    client::ClientRecord,
    diagnosis::Diagnosis,
    name::{AttemptId, GrantId},
    time::{Moment, Now},
    transaction::{Block, Command, Conflict, FailAuthorization, JournalExchange, Reply, deadlines},
    wire::{
        authorization_response::{AuthorizationAnswer, Callback, ExpectedIssuer},
        http::{HttpResponse, TransportFailure},
    },
};

/// Pause between two looks at an open flight.
const POLL: Duration = Duration::from_millis(50);

/// Longest pause between two tries to write an outcome to a store that is away.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Exchange {
    call: Option<CallId>,
    step: Step,
    /// When an open flight is waited for no longer.
    patience: Moment,
    slot: Option<SlotId>,
    entered: Option<EndpointKey>,
    found: Option<Box<(AuthorizationRecord, ClientRecord)>>,
    code: Option<Code>,
}

#[derive(Debug)]
enum Step {
    Finding(Box<Callback>),
    Blocking,
    Pausing(Moment),
    /// Too many codes are being exchanged at this endpoint.
    Queueing(Moment),
    Reserving,
    Journalling {
        attempt: AttemptId,
        not_after: Moment,
    },
    Sending(SentCode),
    Recording(Box<Recording>),
    Rescuing(Box<Recording>),
    RetryPause(Box<Recording>, Moment),
}

#[derive(Debug)]
struct Recording {
    command: Command,
    /// What the caller is told if this is a failure on record.
    end: Option<CallbackEnd>,
    tries: u32,
    rescued: bool,
}

impl Engine {
    /// A device asks whether its user has decided. The answer is [`Answer::Pending`] or how the authorization ended; what
    /// the poll brings is kept whether or not anybody waits for it.
    pub fn handle_poll(&mut self, call: CallId, poll: DevicePoll, now: Now) {
        let id = self.new_flow();
        let (exchange, next) = Exchange::begin_poll(self, call, poll, now);
        self.flows.insert(id, Flow::Exchange(Box::new(exchange)));
        self.follow(id, next, now);
    }
}

impl Exchange {
    pub(crate) fn begin(call: CallId, callback: Callback, now: Now) -> (Self, Next) {
        let find = Effect::FindAuthorization(callback.state().clone());
        let exchange = Self {
            call: Some(call),
            step: Step::Finding(Box::new(callback)),
            patience: now.moment.plus(deadlines::EXCHANGE_WAIT),
            slot: None,
            entered: None,
            found: None,
            code: None,
        };
        (exchange, Next::Perform(find))
    }

    fn begin_poll(engine: &mut Engine, call: CallId, poll: DevicePoll, now: Now) -> (Self, Next) {
        let DevicePoll { record, client, device_code, attempt } = poll;
        let mut exchange = Self {
            call: Some(call),
            step: Step::Blocking,
            patience: now.moment.plus(deadlines::EXCHANGE_WAIT),
            slot: None,
            entered: None,
            found: Some(Box::new((record, client))),
            code: Some(Code::Device(device_code, attempt)),
        };
        let next = exchange.enter(engine, now);
        (exchange, next)
    }

    /// Whether a process that ends may leave it: what came of it is in the lifeboat, or is no more than the reason of a
    /// failure, for which nobody waits until the store is back.
    pub(crate) fn may_be_left(&self) -> bool {
        let Step::RetryPause(recording, _) = &self.step else { return false };
        recording.rescued || matches!(recording.command, Command::FailAuthorization(_))
    }

    pub(crate) fn step(&mut self, engine: &mut Engine, outcome: Option<Outcome>, now: Now) -> Option<Next> {
        match (std::mem::replace(&mut self.step, Step::Blocking), outcome) {
            (Step::Finding(callback), Some(Outcome::Authorization(found))) => {
                Some(self.found(engine, *callback, found, now))
            }
            (Step::Blocking, Some(Outcome::Transacted(reply))) => Some(self.blocked(engine, reply, now)),
            (Step::Pausing(until), None) if until <= now.moment => Some(self.block(engine, now)),
            (Step::Queueing(until), None) if until <= now.moment => Some(self.enter(engine, now)),
            (Step::Reserving, Some(Outcome::Reserved(reserved))) => {
                Some(self.reserved(engine, reserved, now))
            }
            (Step::Journalling { attempt, not_after }, Some(Outcome::Transacted(reply))) => {
                Some(self.journalled(engine, attempt, not_after, reply, now))
            }
            (Step::Sending(sent), Some(Outcome::Answered(answer))) => {
                Some(self.answered(engine, &sent, &answer, now))
            }
            (Step::Recording(recording), Some(Outcome::Transacted(reply))) => {
                Some(self.recorded(engine, recording, reply, now))
            }
            (Step::Rescuing(mut recording), Some(Outcome::Rescued(rescued))) => {
                recording.rescued = rescued.is_ok();
                Some(self.pause(recording, now))
            }
            (Step::RetryPause(recording, until), None) if until <= now.moment => Some(self.record(recording)),
            (step, _) => {
                self.step = step;
                None
            }
        }
    }

    fn found(
        &mut self,
        engine: &mut Engine,
        callback: Callback,
        found: Result<Option<Box<(AuthorizationRecord, ClientRecord)>>, StoreFailure>,
        now: Now,
    ) -> Next {
        let found = match found {
            Ok(Some(found)) => found,
            Ok(None) => return self.end(engine, CallbackEnd::LinkUsed),
            Err(failure) => return self.end(engine, store_unavailable(&failure)),
        };
        let (record, client) = &*found;
        if record.status != AuthorizationStatus::Open || now.wall >= record.expires_at {
            return self.end(engine, CallbackEnd::LinkUsed);
        }
        let expected =
            ExpectedIssuer { issuer: client.issuer.as_deref(), announced: client.issuer_announced };
        let answer = callback.verify(expected);
        let denial = match &answer {
            Ok(AuthorizationAnswer::Refused(error)) => Some(conclusion::diagnose_denial(error, client)),
            _ => None,
        };
        self.found = Some(found);
        match answer {
            // RFC 9207 2.4: neither is the code redeemed nor the error shown. The link stays open: a forged answer
            // must not be able to end it.
            Err(mismatch) => {
                let end = CallbackEnd::Failed {
                    authorization: self.id(),
                    reason: mismatch.to_string(),
                    diagnosis: None,
                };
                self.end(engine, end)
            }
            Ok(AuthorizationAnswer::Refused(error)) => {
                let reason = conclusion::describe_error(&error);
                let diagnosis = denial.map(Box::new);
                let end = CallbackEnd::Denied {
                    authorization: self.id(),
                    reason: reason.clone(),
                    diagnosis: diagnosis.clone(),
                    return_url: self.found.as_ref().and_then(|found| found.0.return_url.clone()),
                };
                self.fail(reason, diagnosis, end, now)
            }
            Ok(AuthorizationAnswer::Code(code)) => {
                self.code = Some(Code::Browser(code));
                self.block(engine, now)
            }
        }
    }

    fn block(&mut self, engine: &mut Engine, now: Now) -> Next {
        let Some(grant) = self.repaired_grant() else { return self.enter(engine, now) };
        self.step = Step::Blocking;
        // Longer than the wait, so that no flight slips in between the last look and the exchange.
        let duration = deadlines::EXCHANGE_WAIT + deadlines::FLIGHT;
        Next::Perform(Effect::Transact(Box::new(Command::Block(Block {
            grant,
            holder: engine.holder,
            duration,
        }))))
    }

    fn blocked(&mut self, engine: &mut Engine, reply: Result<Reply, StoreFailure>, now: Now) -> Next {
        let busy_here = self.repaired_grant().is_some_and(|grant| engine.is_flying(grant));
        match reply {
            Ok(Reply::Busy { .. }) if now.moment < self.patience => self.wait(now),
            Ok(_) if busy_here && now.moment < self.patience => self.wait(now),
            Ok(_) => self.enter(engine, now),
            Err(failure) => self.end(engine, store_unavailable(&failure)),
        }
    }

    fn wait(&mut self, now: Now) -> Next {
        let until = now.moment.plus(POLL);
        self.step = Step::Pausing(until);
        Next::Sleep(until)
    }

    /// Codes have a budget of their own: they wait for other codes, shortly, and never for refreshes.
    fn enter(&mut self, engine: &mut Engine, now: Now) -> Next {
        let Some(found) = &self.found else { return self.end(engine, CallbackEnd::LinkUsed) };
        let key = EndpointKey::of_exchange(&found.1);
        if engine.endpoints.enter_exchange(&key) {
            self.entered = Some(key);
        } else if now.moment < self.patience {
            let until = now.moment.plus(POLL);
            self.step = Step::Queueing(until);
            return Next::Sleep(until);
        }
        if let Some(slot) = engine.empty_slot() {
            return self.reserved(engine, Ok(slot), now);
        }
        self.step = Step::Reserving;
        Next::Perform(Effect::Reserve)
    }

    fn reserved(&mut self, engine: &mut Engine, reserved: Result<SlotId, StoreFailure>, now: Now) -> Next {
        match reserved {
            Ok(slot) => {
                self.slot = Some(slot);
                let attempt = match self.code {
                    Some(Code::Device(_, attempt)) => attempt,
                    _ => AttemptId(engine.entropy.id()),
                };
                self.step = Step::Journalling { attempt, not_after: now.moment.plus(deadlines::SEND_WITHIN) };
                let journal = JournalExchange {
                    authorization: self.id(),
                    attempt,
                    holder: engine.holder,
                    wall: now.wall,
                };
                Next::Perform(Effect::Transact(Box::new(Command::JournalExchange(journal))))
            }
            Err(StoreFailure::Busy) if now.moment < self.patience => {
                if let Some(key) = self.entered.take() {
                    engine.endpoints.leave_exchange(&key);
                }
                let until = now.moment.plus(POLL);
                self.step = Step::Queueing(until);
                Next::Sleep(until)
            }
            Err(failure) => self.not_sent(engine, &failure),
        }
    }

    fn journalled(
        &mut self,
        engine: &mut Engine,
        attempt: AttemptId,
        not_after: Moment,
        reply: Result<Reply, StoreFailure>,
        now: Now,
    ) -> Next {
        match reply {
            Ok(Reply::Authorization(record)) => {
                let (Some(code), Some(found)) = (self.code.take(), &self.found) else {
                    return self.end(engine, CallbackEnd::LinkUsed);
                };
                let Some(request) = code.request(&record, &found.1) else {
                    return self.end(engine, CallbackEnd::LinkUsed);
                };
                self.step = Step::Sending(SentCode { attempt, code, sent_at: now.wall });
                Next::Perform(Effect::Send { request, not_after, deadline: deadlines::FLIGHT })
            }
            Err(StoreFailure::Conflict(Conflict::LinkUsed | Conflict::NoSuchAuthorization)) => {
                self.end(engine, CallbackEnd::LinkUsed)
            }
            Ok(_) => self.end(engine, CallbackEnd::StoreUnavailable("unexpected reply".to_owned())),
            Err(failure) => self.not_sent(engine, &failure),
        }
    }

    /// What could not be kept is not asked for. A browser's way ends here; a device asks again when the store may be back.
    fn not_sent(&mut self, engine: &mut Engine, failure: &StoreFailure) -> Next {
        let polls = self.code.as_ref().is_some_and(Code::is_polled);
        match failure {
            StoreFailure::Away(_) | StoreFailure::Busy | StoreFailure::Ambiguous(_) if polls => {
                self.leave(engine, Answer::Pending(Pace::Same))
            }
            failure => self.end(engine, store_unavailable(failure)),
        }
    }

    fn answered(
        &mut self,
        engine: &mut Engine,
        sent: &SentCode,
        answer: &Result<HttpResponse, TransportFailure>,
        now: Now,
    ) -> Next {
        let Some(found) = self.found.as_deref() else { return self.end(engine, CallbackEnd::LinkUsed) };
        match conclusion::conclude_exchange(engine, found, sent, answer, now) {
            Exchanged::Brought(complete) => {
                let command = Command::Complete(complete);
                self.record(Box::new(Recording { command, end: None, tries: 0, rescued: false }))
            }
            Exchanged::Pending(pace) => self.leave(engine, Answer::Pending(pace)),
            Exchanged::Failed { reason, diagnosis, denied } => {
                let (authorization, why, what) = (self.id(), reason.clone(), diagnosis.clone());
                let end = if denied {
                    let return_url = found.0.return_url.clone();
                    CallbackEnd::Denied { authorization, reason: why, diagnosis: what, return_url }
                } else {
                    CallbackEnd::Failed { authorization, reason: why, diagnosis: what }
                };
                self.fail(reason, diagnosis, end, now)
            }
        }
    }

    fn fail(
        &mut self,
        reason: String,
        diagnosis: Option<Box<Diagnosis>>,
        end: CallbackEnd,
        now: Now,
    ) -> Next {
        let fail = FailAuthorization { authorization: self.id(), reason, diagnosis, wall: now.wall };
        let command = Command::FailAuthorization(fail);
        self.record(Box::new(Recording { command, end: Some(end), tries: 0, rescued: false }))
    }

    fn record(&mut self, recording: Box<Recording>) -> Next {
        let command = recording.command.clone();
        self.step = Step::Recording(recording);
        Next::Perform(Effect::Transact(Box::new(command)))
    }

    fn recorded(
        &mut self,
        engine: &mut Engine,
        recording: Box<Recording>,
        reply: Result<Reply, StoreFailure>,
        now: Now,
    ) -> Next {
        match reply {
            Ok(Reply::Connected(connected)) => {
                engine.publish(&connected.grant, &crate::grant::AccessKey::default());
                let end = CallbackEnd::Connected {
                    grant: Box::new(connected.grant),
                    authorization: Box::new(connected.authorization),
                };
                self.end(engine, end)
            }
            Ok(Reply::Authorization(record)) => {
                let wrong_account = CallbackEnd::WrongAccount(record);
                self.end(engine, recording.end.unwrap_or(wrong_account))
            }
            Ok(_) => self.end(engine, CallbackEnd::StoreUnavailable("unexpected reply".to_owned())),
            Err(StoreFailure::Conflict(conflict)) => {
                let reason = conflict.to_string();
                let failed = CallbackEnd::Failed { authorization: self.id(), reason, diagnosis: None };
                self.end(engine, recording.end.unwrap_or(failed))
            }
            Err(StoreFailure::Away(_) | StoreFailure::Busy | StoreFailure::Ambiguous(_)) => match self.slot {
                Some(slot) if !recording.rescued && matches!(recording.command, Command::Complete(_)) => {
                    let command = Box::new(recording.command.clone());
                    self.step = Step::Rescuing(recording);
                    Next::Perform(Effect::Rescue { slot, command })
                }
                _ => self.pause(recording, now),
            },
        }
    }

    fn pause(&mut self, mut recording: Box<Recording>, now: Now) -> Next {
        let pause = Duration::from_millis(50).saturating_mul(1 << recording.tries.min(10)).min(LONGEST_RETRY);
        recording.tries += 1;
        let until = now.moment.plus(pause);
        self.step = Step::RetryPause(recording, until);
        Next::Sleep(until)
    }

    fn end(&mut self, engine: &mut Engine, end: CallbackEnd) -> Next {
        self.leave(engine, Answer::Callback(Box::new(end)))
    }

    fn leave(&mut self, engine: &mut Engine, answer: Answer) -> Next {
        if let Some(slot) = self.slot.take() {
            engine.perform_aside(Effect::Release(slot));
        }
        if let Some(key) = self.entered.take() {
            engine.endpoints.leave_exchange(&key);
        }
        if let Some(call) = self.call.take() {
            engine.answer(call, answer);
        }
        Next::Done
    }

    fn id(&self) -> crate::name::AuthorizationId {
        self.found.as_ref().map_or(crate::name::AuthorizationId(0), |found| found.0.id)
    }

    fn repaired_grant(&self) -> Option<GrantId> {
        self.found.as_ref().and_then(|found| found.0.grant)
    }
}

fn store_unavailable(failure: &StoreFailure) -> CallbackEnd {
    match failure {
        StoreFailure::Conflict(conflict) => CallbackEnd::StoreUnavailable(conflict.to_string()),
        StoreFailure::Busy => CallbackEnd::StoreUnavailable("too many requests are under way".to_owned()),
        StoreFailure::Away(detail) | StoreFailure::Ambiguous(detail) => {
            CallbackEnd::StoreUnavailable(detail.clone())
        }
    }
}
