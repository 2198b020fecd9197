//! Ending a grant: first here, then at the provider, until the provider has confirmed.

use std::time::Duration;

use super::{
    Answer, CallId, Effect, Engine, Next, Outcome, Refusal, StoreFailure,
    backoff::wait_after,
    conclusion::{self, Revoked},
    refusal::{owes_revocation, store_unavailable},
};
use crate::{
    client::ClientRecord,
    grant::{AccessKey, GrantRecord},
    name::{Generation, GrantId, HolderId},
    time::{Moment, Now},
    transaction::{Command, ConfirmRevocation, Reply, Revoke, deadlines},
    wire::http::{HttpResponse, TransportFailure},
};

/// Pause between two looks at an open flight.
const POLL: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Revocation {
    call: Option<CallId>,
    grant: GrantId,
    remove: bool,
    holder: HolderId,
    patience: Moment,
    step: Step,
}

#[derive(Debug)]
enum Step {
    Marking,
    Pausing(Moment),
    Reading,
    Sending { grant: Box<GrantRecord>, credential: Generation },
    Confirming { settled: bool },
}

impl Revocation {
    /// Without a caller, the grant is marked already and only the provider is owed a request.
    pub(crate) fn begin(
        engine: &Engine,
        call: Option<CallId>,
        grant: GrantId,
        remove: bool,
        now: Now,
    ) -> (Self, Next) {
        let patience = now.moment.plus(deadlines::EXCHANGE_WAIT);
        let holder = engine.holder;
        let mut revocation = Self { call, grant, remove, holder, patience, step: Step::Marking };
        let next = if revocation.call.is_some() { revocation.mark(engine, now) } else { revocation.read() };
        (revocation, next)
    }

    pub(crate) fn grant(&self) -> GrantId {
        self.grant
    }

    /// Whether a process that ends may leave it: the grant is marked, and what is owed is on record.
    pub(crate) fn may_be_left(&self) -> bool {
        self.call.is_none()
    }

    pub(crate) fn step(&mut self, engine: &mut Engine, outcome: Option<Outcome>, now: Now) -> Option<Next> {
        match (std::mem::replace(&mut self.step, Step::Reading), outcome) {
            (Step::Marking, Some(Outcome::Transacted(reply))) => Some(self.marked(engine, reply, now)),
            (Step::Pausing(until), None) if until <= now.moment => Some(self.mark(engine, now)),
            (Step::Reading, Some(Outcome::Found(found))) => Some(self.found(engine, found, now)),
            (Step::Sending { grant, credential }, Some(Outcome::Answered(answer))) => {
                Some(self.answered(engine, &grant, credential, &answer, now))
            }
            (Step::Confirming { settled }, Some(Outcome::Transacted(reply))) => {
                Some(self.confirmed(engine, settled, reply))
            }
            (step, _) => {
                self.step = step;
                None
            }
        }
    }

    fn mark(&mut self, engine: &Engine, now: Now) -> Next {
        if engine.is_flying(self.grant) && now.moment < self.patience {
            return self.wait(now);
        }
        self.step = Step::Marking;
        let revoke = Revoke {
            grant: self.grant,
            holder: self.holder,
            force: now.moment >= self.patience,
            remove: self.remove,
            wall: now.wall,
        };
        Next::Perform(Effect::Transact(Box::new(Command::Revoke(revoke))))
    }

    fn marked(&mut self, engine: &mut Engine, reply: Result<Reply, StoreFailure>, now: Now) -> Next {
        match reply {
            Ok(Reply::Busy { .. }) => self.wait(now),
            Ok(Reply::Grant(grant)) => {
                engine.publish(&grant, &AccessKey::default());
                self.read()
            }
            Ok(_) => self.refuse(engine, Refusal::StoreUnavailable("unexpected reply".to_owned())),
            Err(failure) => self.refuse(engine, store_unavailable(&failure)),
        }
    }

    fn wait(&mut self, now: Now) -> Next {
        let until = now.moment.plus(POLL);
        self.step = Step::Pausing(until);
        Next::Sleep(until)
    }

    fn read(&mut self) -> Next {
        self.step = Step::Reading;
        Next::Perform(Effect::Read(self.grant))
    }

    fn found(
        &mut self,
        engine: &mut Engine,
        found: Result<Option<Box<(GrantRecord, ClientRecord)>>, StoreFailure>,
        now: Now,
    ) -> Next {
        let (grant, client) = match found {
            Ok(Some(found)) => *found,
            Ok(None) => return self.refuse(engine, Refusal::NoSuchGrant),
            Err(failure) => return self.refuse(engine, store_unavailable(&failure)),
        };
        if !owes_revocation(&grant) {
            return self.end(engine, grant);
        }
        match (conclusion::revocation_request(&grant, &client), &grant.credential) {
            (Some(request), Some(credential)) => {
                let credential = credential.generation;
                self.step = Step::Sending { grant: Box::new(grant), credential };
                let not_after = now.moment.plus(deadlines::SEND_WITHIN);
                Next::Perform(Effect::Send { request, not_after, deadline: deadlines::FLIGHT })
            }
            // The provider has no way to be told, or there is nothing to revoke.
            (_, credential) => {
                self.confirm(credential.as_ref().map(|credential| credential.generation), None, now)
            }
        }
    }

    fn answered(
        &mut self,
        engine: &mut Engine,
        grant: &GrantRecord,
        credential: Generation,
        answer: &Result<HttpResponse, TransportFailure>,
        now: Now,
    ) -> Next {
        let retry_at = match conclusion::conclude_revocation(answer, now.wall) {
            Revoked::Final => None,
            Revoked::Later { .. } if sabotaged!(RevokeWithoutPause) => Some(now.wall),
            Revoked::Later { retry_after } => {
                Some(now.wall.plus(wait_after(grant.failures, retry_after, &mut engine.entropy)))
            }
        };
        self.confirm(Some(credential), retry_at, now)
    }

    fn confirm(
        &mut self,
        credential: Option<Generation>,
        retry_at: Option<crate::time::Timestamp>,
        now: Now,
    ) -> Next {
        self.step = Step::Confirming { settled: retry_at.is_none() };
        let confirm = ConfirmRevocation { grant: self.grant, credential, retry_at, wall: now.wall };
        Next::Perform(Effect::Transact(Box::new(Command::ConfirmRevocation(confirm))))
    }

    fn confirmed(&mut self, engine: &mut Engine, settled: bool, reply: Result<Reply, StoreFailure>) -> Next {
        match reply {
            // A late success has left another token, and it is owed as well.
            Ok(Reply::Grant(grant)) if settled && owes_revocation(&grant) => self.read(),
            Ok(Reply::Grant(grant)) => self.end(engine, *grant),
            Ok(_) => Next::Done,
            // It is still owed on record; the scheduler comes back to it.
            Err(failure) => self.refuse(engine, store_unavailable(&failure)),
        }
    }

    fn end(&mut self, engine: &mut Engine, grant: GrantRecord) -> Next {
        if let Some(call) = self.call.take() {
            engine.answer(call, Answer::Revoked(Box::new(grant)));
        }
        Next::Done
    }

    fn refuse(&mut self, engine: &mut Engine, refusal: Refusal) -> Next {
        if let Some(call) = self.call.take() {
            engine.answer(call, Answer::Refused(Box::new(refusal)));
        }
        Next::Done
    }
}
