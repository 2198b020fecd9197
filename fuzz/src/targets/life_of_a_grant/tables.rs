//! The tables of a store as maps, and the lives of the processes that use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use evergrant_proto::{
    authorization::{AuthorizationRecord, AuthorizationStatus},
    client::ClientRecord,
    diagnosis::{LOOKED_AT, Sighting},
    grant::{Attempt, Event, GrantRecord, GrantState, StoreTime},
    name::{AttemptId, AuthorizationId, GrantId, HolderId},
    secret::RefreshToken,
    time::Timestamp,
    transaction::{Change, Command, Conflict, Loaded, Reply, apply},
};

/// Everything that is durable.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) grants: BTreeMap<GrantId, GrantRecord>,
    pub(super) client: Option<ClientRecord>,
    pub(super) authorizations: BTreeMap<AuthorizationId, AuthorizationRecord>,
    pub(super) attempts: BTreeMap<GrantId, BTreeMap<AttemptId, Attempt>>,
    pub(super) events: Vec<Event>,
    pub(super) alive: BTreeSet<HolderId>,
    pub(super) quarantined: bool,
}

impl Tables {
    /// One transaction.
    pub(super) fn execute(&mut self, command: &Command, now: StoreTime) -> Result<Reply, Conflict> {
        let loaded = self.load(command, now);
        apply(&loaded, command).map(|change| self.write(change))
    }

    fn load(&self, command: &Command, now: StoreTime) -> Loaded {
        let subjects = command.subjects();
        let authorization = subjects.authorization.and_then(|id| self.authorizations.get(&id)).cloned();
        let led_to = || self.led_to(authorization.as_ref()?, command);
        let id = subjects.grant.or_else(led_to);
        let grant = id.and_then(|id| self.grant(id, command.attempt()));
        let ended = |holder: &HolderId| !self.alive.contains(holder);
        Loaded {
            ended_holders: grant.iter().flat_map(holders).filter(ended).collect(),
            held_by: command.brings().and_then(|token| self.holder_of(token, id)),
            client: self.client.clone().map(Arc::new),
            grant,
            authorization,
            now,
            quarantined: self.quarantined,
            adoptions: 0,
            recent: self.events.iter().rev().take(LOOKED_AT).map(Sighting::from).collect(),
        }
    }

    /// The grant with the attempts that a transaction sees.
    pub(super) fn grant(&self, id: GrantId, named: Option<AttemptId>) -> Option<GrantRecord> {
        let mut grant = self.grants.get(&id)?.clone();
        let wanted = |attempt: &&Attempt| {
            attempt.generation == grant.generation || attempt.is_open() || Some(attempt.id) == named
        };
        let mut attempts: Vec<_> =
            self.attempts.get(&id).into_iter().flat_map(BTreeMap::values).filter(wanted).cloned().collect();
        attempts.sort_by_key(|attempt| attempt.fence);
        grant.attempts = attempts;
        Some(grant)
    }

    fn led_to(&self, record: &AuthorizationRecord, command: &Command) -> Option<GrantId> {
        let Command::Complete(complete) = command else { return record.result.or(record.grant) };
        record.result.or(record.grant).or_else(|| {
            let of_account = |grant: &&GrantRecord| {
                complete.subject.is_some()
                    && grant.owner.subject == complete.subject
                    && grant.removed_at.is_none()
                    && grant.state != GrantState::Revoked
            };
            self.grants.values().find(of_account).map(|grant| grant.id)
        })
    }

    fn holder_of(&self, token: &RefreshToken, except: Option<GrantId>) -> Option<GrantId> {
        let holds = |grant: &&GrantRecord| {
            let held = grant.credential.as_ref().map(|held| &held.refresh_token);
            Some(grant.id) != except && held == Some(token)
        };
        self.grants.values().find(holds).map(|grant| grant.id)
    }

    fn write(&mut self, change: Change) -> Reply {
        if change.resume.is_some() {
            let degraded = |grant: &&mut GrantRecord| matches!(grant.state, GrantState::Degraded { .. });
            for grant in self.grants.values_mut().filter(degraded) {
                grant.next_due_at = Some(Timestamp(0));
            }
        }
        if let Some(mut grant) = change.grant {
            let journal = self.attempts.entry(grant.id).or_default();
            journal.extend(grant.attempts.drain(..).map(|attempt| (attempt.id, attempt)));
            self.grants.insert(grant.id, grant);
        }
        self.client = change.client.or(self.client.take());
        if let Some(closed) = change.closes_links_of {
            let open = |record: &&mut AuthorizationRecord| {
                record.grant == Some(closed) && record.status == AuthorizationStatus::Open
            };
            for record in self.authorizations.values_mut().filter(open) {
                record.status =
                    AuthorizationStatus::Failed { reason: "superseded".to_owned(), diagnosis: None };
            }
        }
        self.authorizations.extend(change.authorization.map(|record| (record.id, record)));
        self.events.extend(change.events);
        change.reply
    }
}

/// The processes that a grant names.
fn holders(grant: &GrantRecord) -> impl Iterator<Item = HolderId> {
    let open = grant.attempts.iter().filter(|attempt| attempt.is_open()).map(|attempt| attempt.holder);
    grant.lease.map(|lease| lease.holder).into_iter().chain(open)
}
