//! What is judged as the world goes on, and how a trace names things.

use evergrant_proto::{
    engine::{Answer, CallId, Refusal, StoreFailure, TokenRequest},
    grant::GrantState,
    transaction::{Command, Reply, Want},
    wire::http::{HttpResponse, TransportFailure},
};
use evergrant_rehearse::{Endpoint, GrantType, JournalEntry};

use super::World;
use crate::Invariant;

/// A caller may wait this much longer than the engine's own limit, for what the world takes to deliver.
const PATIENCE: u64 = 10_050;

impl World {
    pub(super) fn answered(&mut self, call: CallId, mut answer: Answer) {
        let now = self.now;
        if self.drivers
            && let Answer::Refused(refusal) = &answer
            && matches!(**refusal, Refusal::StoreUnavailable(_))
            && let Some(record) = self.calls.get(&call)
            && let Some(request) = &record.request
            && let Some(issue) = self.recall_in_need(record.process, request)
        {
            answer = Answer::Token(issue);
        }
        self.note(|| format!("{call:?} is told {}", said(&answer)));
        self.judge_answer(call, &answer);
        self.open_calls.remove(&call);
        let Some(record) = self.calls.get_mut(&call) else { return };
        if record.answer.is_some() {
            self.judge.object(Invariant::EngineContract, now, format!("{call:?} was answered twice"));
            return;
        }
        record.answered_at = Some(now);
        record.answer = Some(answer);
    }

    fn judge_answer(&mut self, call: CallId, answer: &Answer) {
        if let Answer::Token(issue) = answer {
            self.judge.judge_use(issue, self.now);
        }
        let Some(record) = self.calls.get(&call) else { return };
        let Some(request) = &record.request else { return };
        let (now, wall, asked_at) = (self.now, self.wall(), record.asked_at);
        if now - asked_at > PATIENCE && self.was_never_paused(call) {
            let evidence = format!("{call:?} waited {} ms", now - asked_at);
            self.judge.object(Invariant::EngineContract, now, evidence);
            return;
        }
        let objection = match answer {
            Answer::Token(issue) if issue.access.usable_until().is_some_and(|end| end < wall) => {
                Some("got a token that has ended".to_owned())
            }
            // A store that is away shows no rejection, and whoever is stopped before it has read sees none.
            Answer::Token(issue)
                if self.judge.was_rejected(issue, asked_at)
                    && !self.failed_since(asked_at)
                    && self.was_never_paused(call) =>
            {
                Some(format!("got the token of generation {}, which was rejected", issue.access.generation.0))
            }
            Answer::Token(issue) => self.judge.misfit(issue, &request.key),
            Answer::Refused(refusal) if self.was_never_paused(call) => {
                self.withheld(request, asked_at).map(|what| format!("got \"{refusal}\" although {what}"))
            }
            _ => None,
        };
        if let Some(objection) = objection {
            let evidence = format!("{call:?} of grant {} {objection}", request.grant);
            self.judge.object(Invariant::ValidTokensAreServed, now, evidence);
        }
    }

    fn failed_since(&self, moment: u64) -> bool {
        self.store.away || self.store_failed_at.is_some_and(|at| at >= moment)
    }

    /// What a caller could have been given all the time since it asked, as far as store, clock and rejections show.
    fn withheld(&self, request: &TokenRequest, asked_at: u64) -> Option<String> {
        // A store that failed meanwhile shows nothing.
        if self.failed_since(asked_at) {
            return None;
        }
        let grant = self.store.grant(request.grant)?;
        if grant.state == GrantState::Revoked || grant.removed_at.is_some() {
            return None;
        }
        let entry = grant.access_for(&request.key)?;
        let suits = match request.want {
            Want::Usable { .. } => true,
            Want::Newer { than } => entry.generation > than,
            Want::Early => false,
        };
        let since = self.judge.held_since(request.grant, &request.key)?;
        let good = suits
            && since < asked_at
            && !entry.rejected
            && entry.usable_until().is_none_or(|end| end > self.wall());
        good.then(|| {
            format!("a valid token of generation {} is in the store since {since} ms", entry.generation.0)
        })
    }

    /// A command was executed: what it made of the grant.
    pub(super) fn look_at(&mut self, command: &Command) {
        let now = self.now;
        let id = match command {
            // Also where the answer was lost.
            Command::Complete(complete) => {
                self.store.authorization(complete.authorization).and_then(|record| record.result)
            }
            _ => command.subjects().grant,
        };
        match command {
            Command::Reject(_) | Command::Import(_) | Command::Complete(_) => {
                self.judge.allow_request(id, now);
            }
            Command::PutClient(_) => self.judge.allow_request(None, now),
            _ => {}
        }
        let Some(grant) = id.and_then(|id| self.store.grant(id)) else { return };
        let attempt = command.attempt().and_then(|id| self.store.attempt_of(grant.id, id));
        self.judge.look_at(grant, command, attempt.map(|attempt| attempt.generation), now);
        if let Some(attempt) = attempt {
            self.judge.note_outcome(attempt);
        }
        if let Command::Succeed(succeed) = command {
            self.judge.judge_success(grant, attempt, succeed, now);
        }
        self.changed.insert((grant.id, now));
        if matches!(grant.state, GrantState::NeedsReauthorization { .. }) {
            let record = grant.clone();
            self.judge_death(&record, command);
        } else {
            self.dead.remove(&grant.id);
        }
    }

    fn was_never_paused(&self, call: CallId) -> bool {
        let process = self.calls[&call].process;
        self.stopped_since.get(&process).is_none_or(|at| *at < self.calls[&call].asked_at)
    }

    /// Whether the provider would take this token now, be it for access or for a refresh.
    pub fn works(&mut self, token: &str) -> bool {
        let now = self.provider_time();
        self.party.accepts(token, now)
    }

    /// The provider's journal of refreshes, also of those that a fault ended.
    pub fn refreshes(&self) -> Vec<JournalEntry> {
        let refresh = |entry: &&JournalEntry| entry.grant_type == Some(GrantType::RefreshToken);
        self.party.provider.journal(0).filter(refresh).cloned().collect()
    }

    /// The provider's journal of one endpoint.
    pub fn journal_of(&self, endpoint: Endpoint) -> Vec<JournalEntry> {
        self.party.provider.journal(0).filter(|entry| entry.endpoint == endpoint).cloned().collect()
    }

    /// Stops a test with the trace if something was found wrong.
    ///
    /// # Panics
    ///
    /// If something was found wrong.
    pub fn expect_order(&self) {
        if let Some(first) = self.judge.violations.first() {
            let trace: Vec<_> = self.trace().collect();
            panic!(
                "{first}\n{} violations; the trace up to now:\n{}",
                self.judge.violations.len(),
                trace.join("\n")
            );
        }
    }
}

pub(super) fn describe(command: &Command) -> String {
    let what = what(command);
    match command.subjects().grant {
        Some(grant) => format!("{} {what}", short(&grant)),
        None => what,
    }
}

fn what(command: &Command) -> String {
    match command {
        Command::Claim(claim) => format!("claims {:?}", claim.want),
        Command::Succeed(succeed) => format!("records the success of {}", short(&succeed.attempt)),
        Command::Salvage(succeed) => format!("salvages what {} brought", short(&succeed.attempt)),
        Command::Refuse(refuse) => {
            format!("records the refusal of {}: {}", short(&refuse.attempt), refuse.failure.summary)
        }
        Command::RejectClient(reject) => format!("records the rejection of {}", short(&reject.attempt)),
        Command::End(end) => format!("ends {} as {:?}", short(&end.attempt), end.ending),
        Command::Postpone(_) => "postpones".to_owned(),
        Command::Reject(_) => "reports a rejected token".to_owned(),
        Command::Import(_) => "imports".to_owned(),
        Command::Revoke(revoke) => format!("revokes (force {})", revoke.force),
        Command::ConfirmRevocation(confirm) => format!("confirms a revocation: {:?}", confirm.retry_at),
        Command::OpenAuthorization(_) => "opens a link".to_owned(),
        Command::Block(_) => "blocks".to_owned(),
        Command::JournalExchange(_) => "journals an exchange".to_owned(),
        Command::Complete(_) => "completes".to_owned(),
        Command::FailAuthorization(fail) => format!("fails an authorization: {}", fail.reason),
        Command::PutClient(_) => "puts the client".to_owned(),
    }
}

pub(super) fn told(result: &Result<Reply, StoreFailure>) -> String {
    match result {
        Ok(Reply::Claimed(claimed)) => {
            format!("claimed {} generation {}", short(&claimed.attempt), claimed.grant.generation.0)
        }
        Ok(Reply::Deferred(deferral)) => format!("deferred: {:?}", deferral.wait),
        Ok(Reply::Grant(grant)) => format!(
            "grant {} generation {} due {:?} retry {:?}",
            grant.state.name(),
            grant.generation.0,
            grant.next_due_at,
            grant.retry_at
        ),
        Ok(Reply::Client(client)) => format!("client version {}", client.version),
        Ok(Reply::Authorization(record)) => format!("authorization {:?}", record.status),
        Ok(Reply::Busy { for_at_most }) => format!("busy for {for_at_most:?}"),
        Ok(Reply::Connected(connected)) => format!("connected generation {}", connected.grant.generation.0),
        Err(failure) => format!("{failure:?}"),
    }
}

pub(super) fn answer(answer: &Result<HttpResponse, TransportFailure>) -> String {
    match answer {
        Ok(response) => format!("status {}", response.status),
        Err(failure) => format!("{:?}", failure.kind),
    }
}

fn said(answer: &Answer) -> String {
    match answer {
        Answer::Token(issue) => format!("a token of generation {}", issue.generation.0),
        Answer::Refused(refusal) => refusal.to_string(),
        Answer::Callback(end) => format!("{end:?}").split_whitespace().next().unwrap_or_default().to_owned(),
        Answer::Revoked(grant) => format!("revoked: {:?}", grant.revocation),
        Answer::Pending(pace) => format!("pending: {pace:?}"),
    }
}

fn short(id: &impl ToString) -> String {
    id.to_string().chars().take(8).collect()
}
