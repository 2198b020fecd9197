//! What is judged as the world goes on, and how a trace names things.

use evergrant_proto::{
    engine::{Answer, CallId, Refusal, StoreFailure},
    grant::GrantState,
    transaction::{Command, Reply, Want},
    wire::http::{HttpResponse, TransportFailure},
};
use evergrant_rehearse::{Endpoint, GrantType, JournalEntry};

use super::World;

/// A caller may wait this much longer than the engine's own limit, for what the world takes to deliver.
const PATIENCE: u64 = 10_050;

/// A token that came in while a caller waited may be unknown to the process that was asked.
const NEWS: i64 = 10_100;

impl World {
    pub(super) fn answered(&mut self, call: CallId, answer: Answer) {
        let now = self.now;
        self.note(|| format!("{call:?} is told {}", said(&answer)));
        self.judge_answer(call, &answer);
        let Some(record) = self.calls.get_mut(&call) else { return };
        if record.answer.is_some() {
            self.judge.violations.push(format!("at {now} ms {call:?} was answered twice"));
        }
        record.answered_at = Some(now);
        record.answer = Some(answer);
    }

    fn judge_answer(&mut self, call: CallId, answer: &Answer) {
        let Some(record) = self.calls.get(&call) else { return };
        let Some(request) = &record.request else { return };
        let (now, wall) = (self.now, self.wall());
        let mut objections = Vec::new();
        if now - record.asked_at > PATIENCE && self.was_never_paused(call) {
            objections.push(format!("waited {} ms", now - record.asked_at));
        }
        match answer {
            Answer::Token(issue) if issue.access.usable_until().is_some_and(|end| end < wall) => {
                objections.push("got a token that has ended".to_owned());
            }
            Answer::Refused(refusal) if matches!(request.want, Want::Usable { .. }) => {
                let grant = self.store.grant(request.grant).filter(|_| !self.store.away);
                let entry = grant
                    .filter(|grant| grant.state != GrantState::Revoked && grant.removed_at.is_none())
                    .and_then(|grant| grant.access_for(&request.key));
                let last_success = grant.map_or(wall, |grant| grant.last_success_at);
                let good = entry.is_some_and(|entry| {
                    !entry.rejected
                        && entry.usable_until().is_none_or(|end| end > wall)
                        && wall.0 - last_success.0 > NEWS
                });
                let blind = matches!(**refusal, Refusal::StoreUnavailable(_));
                if good && !blind && self.was_never_paused(call) {
                    objections.push(format!("got {refusal} although a valid token is in the store"));
                }
            }
            _ => {}
        }
        for objection in objections {
            self.judge.violations.push(format!("at {now} ms {call:?} {objection}"));
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
        Command::Refuse(refuse) => {
            format!("records the refusal of {}: {}", short(&refuse.attempt), refuse.diagnosis.cause)
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
    }
}

fn short(id: &impl ToString) -> String {
    id.to_string().chars().take(8).collect()
}
