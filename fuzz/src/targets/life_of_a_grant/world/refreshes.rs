//! Refreshes: the right to send one, and how it ends.

use std::time::Duration;

use evergrant_proto::{
    diagnosis::PreviousOutcome,
    grant::{Credential, GrantRecord, GrantState},
    name::{AttemptId, HolderId},
    provider::RotationKind,
    transaction::{
        Claim, Claimed, Command, End, Ending, Postpone, Refuse, Reject, RejectClient, Reply, Seen, Succeed,
        Want, deadlines,
    },
};

use super::{
    World, duration,
    party::{INVALID_GRANT, REFUSED, REJECTED, access_key},
};
use crate::targets::life_of_a_grant::promises;

/// Flights that are remembered.
const MOST_FLIGHTS: usize = 32;

/// A refresh that a process has the right to send, or has sent.
pub(super) struct Flight {
    pub(super) claimed: Box<Claimed>,
    pub(super) holder: HolderId,
    /// How it ended. A process whose commit was in doubt executes the same command again, never another one.
    end: Option<Command>,
}

impl World {
    pub(super) fn claim(&mut self, grant: u8, process: u8, want: u8, key: u8) {
        let Some(before) = self.grant(grant) else { return };
        let holder = self.process(process);
        let flies = |flight: &Flight| {
            flight.holder == holder && flight.claimed.grant.id == before.id && flight.end.is_none()
        };
        if self.flights.iter().any(flies) || self.flights.len() >= MOST_FLIGHTS {
            // A process has one flight of a grant at a time.
            return;
        }
        let want = match want % 4 {
            0 => Want::Usable { min_ttl: Duration::ZERO },
            1 => Want::Usable { min_ttl: Duration::from_secs(600) },
            2 => Want::Early,
            _ => Want::Newer { than: before.generation },
        };
        let attempt = AttemptId(self.number().into());
        let claim = Claim { grant: before.id, key: access_key(key), want, holder, attempt, wall: self.wall };
        if let Ok(Reply::Claimed(claimed)) = self.execute(&Command::Claim(claim)) {
            promises::check_claim(&claimed, &before, self.now, holder);
            assert!(!self.tables.quarantined, "something is presented from a restored store");
            self.check_doubt(&claimed, &before, holder);
            self.flights.push(Flight { claimed, holder, end: None });
        }
    }

    /// Where a replay ends the grant, nothing is presented while an answer can still come.
    pub(super) fn check_doubt(&self, claimed: &Claimed, before: &GrantRecord, holder: HolderId) {
        let kind = claimed.client.provider.rotation.kind;
        if !matches!(kind, RotationKind::ReplayRevokes | RotationKind::Unknown) {
            return;
        }
        let open = before.attempts.iter().filter(|attempt| {
            attempt.is_open()
                && attempt.generation == claimed.credential.generation
                && attempt.holder != holder
                && self.tables.alive.contains(&attempt.holder)
        });
        for attempt in open {
            let waited = self.now.until(attempt.journalled_on.plus(deadlines::OWNER_WAIT)).is_zero();
            assert!(waited, "presented while an answer can come: {before:?}");
        }
    }

    pub(super) fn end(&mut self, flight: u8, command: impl FnOnce(&mut Self, &Claimed) -> Command) {
        let count = self.flights.len().max(1);
        let index = usize::from(flight) % count;
        let Some(flight) = self.flights.get(index) else { return };
        let (claimed, ended) = (flight.claimed.clone(), flight.end.clone());
        let again = ended.is_some();
        let command = ended.unwrap_or_else(|| command(self, &claimed));
        let before = self.tables.grant(claimed.grant.id, Some(claimed.attempt)).expect("it was claimed");
        self.execute(&command).expect("what was journalled can be ended");
        let after = self.tables.grant(claimed.grant.id, Some(claimed.attempt)).expect("it was claimed");
        if let Command::Succeed(succeed) = &command {
            if again {
                assert_eq!(after, before, "a success counts twice");
            } else {
                check_success(succeed, &claimed, &before, &after);
            }
        }
        self.flights[index].end = Some(command);
    }

    pub(super) fn success(&mut self, claimed: &Claimed, tokens: u8) -> Command {
        let key = claimed.grant.attempts.iter().find(|attempt| attempt.id == claimed.attempt);
        let key = key.map(|attempt| attempt.key.clone()).unwrap_or_default();
        Command::Succeed(Box::new(Succeed {
            grant: claimed.grant.id,
            attempt: claimed.attempt,
            client_version: claimed.client.version,
            issued: self.issue(tokens, key),
            wall: self.wall,
        }))
    }

    pub(super) fn refusal(&mut self, claimed: &Claimed) -> Command {
        Command::Refuse(Box::new(Refuse {
            grant: claimed.grant.id,
            attempt: claimed.attempt,
            client_version: claimed.client.version,
            failure: REFUSED.clone(),
            sent_at: self.wall,
            wall: self.wall,
        }))
    }

    pub(super) fn rejection(&mut self, claimed: &Claimed) -> Command {
        Command::RejectClient(Box::new(RejectClient {
            grant: claimed.grant.id,
            attempt: claimed.attempt,
            client_version: claimed.client.version,
            failure: REJECTED.clone(),
            sent_at: self.wall,
            wall: self.wall,
        }))
    }

    pub(super) fn ending(&mut self, claimed: &Claimed, ending: u8) -> Command {
        let known = match ending % 6 {
            0 => Ending::NotSent,
            1 => Ending::NotProcessed,
            2 => Ending::RequestRefused,
            3 => Ending::Unknown(PreviousOutcome::Timeout),
            4 => Ending::Unknown(PreviousOutcome::ConnectionError),
            _ => Ending::Unknown(PreviousOutcome::ServerError),
        };
        Command::End(Box::new(End {
            grant: claimed.grant.id,
            attempt: claimed.attempt,
            ending: known,
            reason: "a reason".to_owned(),
            diagnosis: INVALID_GRANT.clone(),
            retry_at: self.wall.plus(duration(ending / 6)),
            wall: self.wall,
        }))
    }

    pub(super) fn postpone(&mut self, grant: u8, step: u8) {
        let Some(grant) = self.grant(grant) else { return };
        let until = self.wall.plus(duration(step));
        let _ = self.execute(&Command::Postpone(Postpone { grant: grant.id, until, wall: self.wall }));
    }

    pub(super) fn reject_access(&mut self, grant: u8, key: u8, newest: u8) {
        let Some(grant) = self.grant(grant) else { return };
        let key = access_key(key);
        let held = grant.access_for(&key).map(|entry| entry.generation).unwrap_or_default();
        let seen = Seen::Generation(if newest.is_multiple_of(2) { held } else { grant.lineage_start });
        let _ = self.execute(&Command::Reject(Reject { grant: grant.id, key, seen, wall: self.wall }));
    }
}

/// Nothing that a provider issued is lost, and nothing that is superseded comes back.
fn check_success(succeed: &Succeed, claimed: &Claimed, before: &GrantRecord, after: &GrantRecord) {
    let superseded = claimed.credential.generation < before.lineage_start;
    if superseded && before.state != GrantState::Revoked {
        assert_eq!(after.credential, before.credential, "an older flight overwrote an authorization");
        assert_eq!(after.access, before.access, "an older flight overwrote an authorization");
    } else if let Some(token) = &succeed.issued.refresh_token {
        let holds = |held: &Credential| held.refresh_token == *token;
        let kept =
            after.credential.iter().any(holds) || after.spares.iter().any(|spare| holds(&spare.credential));
        assert!(kept, "a refresh token was lost: {before:?} {after:?}");
    }
}
