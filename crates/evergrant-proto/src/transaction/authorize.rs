//! Leading a resource owner through the provider, to a new grant or back to the same one.

use std::time::Duration;

use super::{Change, Conflict, Loaded, Reply, claim::occupied, schedule::schedule};
use crate::{
    authorization::{AuthorizationRecord, AuthorizationStatus, Exchange},
    diagnosis::Diagnosis,
    grant::{Credential, EventKind, GrantRecord, GrantState, IssuedTokens},
    name::{AttemptId, AuthorizationId, GrantId, HolderId},
    time::Timestamp,
};

/// Opens an authorization; its link can be used once.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAuthorization {
    /// The authorization, open, with state and verifier.
    pub record: AuthorizationRecord,
}

/// Keeps new flights of a grant from starting for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The grant.
    pub grant: GrantId,
    /// The process that asks.
    pub holder: HolderId,
    /// For how long.
    pub duration: Duration,
}

/// Uses up the link and journals the exchange. A code is sent once, whatever happens.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalExchange {
    /// The authorization.
    pub authorization: AuthorizationId,
    /// Names the exchange.
    pub attempt: AttemptId,
    /// The process that makes it.
    pub holder: HolderId,
    /// Wall clock.
    pub wall: Timestamp,
}

/// Records that an exchange brought tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Complete {
    /// The authorization.
    pub authorization: AuthorizationId,
    /// The exchange.
    pub attempt: AttemptId,
    /// The id for a grant that is made new.
    pub new_grant: GrantId,
    /// What the exchange brought.
    pub issued: IssuedTokens,
    /// The account at the provider, where it tells.
    pub subject: Option<String>,
    /// The organization at the provider, where it tells.
    pub tenant: Option<String>,
    /// Wall clock.
    pub wall: Timestamp,
}

/// Records that an authorization ended without a grant.
#[derive(Debug, Clone, PartialEq)]
pub struct FailAuthorization {
    /// The authorization.
    pub authorization: AuthorizationId,
    /// One plain sentence, masked.
    pub reason: String,
    /// What it means, where the provider's answer tells.
    pub diagnosis: Option<Box<Diagnosis>>,
    /// Wall clock.
    pub wall: Timestamp,
}

/// Where an authorization led.
#[derive(Debug, Clone, PartialEq)]
pub struct Connected {
    /// The grant as it is now.
    pub grant: GrantRecord,
    /// The authorization as it is now.
    pub authorization: AuthorizationRecord,
}

pub(super) fn open(loaded: &Loaded, command: &OpenAuthorization) -> Result<Change, Conflict> {
    loaded.client.as_ref().ok_or(Conflict::NoSuchClient)?;
    let record = &command.record;
    if let Some(id) = record.grant {
        let grant = loaded.grant.clone().filter(|grant| grant.id == id).ok_or(Conflict::NoSuchGrant)?;
        if grant.client != record.client || grant.namespace != record.namespace {
            return Err(Conflict::OtherClient);
        }
        if grant.state == GrantState::Revoked {
            return Err(Conflict::Revoked);
        }
    }
    let reply = Reply::Authorization(Box::new(record.clone()));
    Ok(Change { authorization: Some(record.clone()), closes_links_of: record.grant, ..Change::none(reply) })
}

pub(super) fn block(loaded: &Loaded, command: &Block) -> Result<Change, Conflict> {
    let before = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    let mut grant = before.clone();
    grant.blocked_until = None;
    let reply = match occupied(&grant, loaded, command.holder) {
        Some(for_at_most) => Reply::Busy { for_at_most },
        None => Reply::Grant(Box::new(before)),
    };
    grant.blocked_until = Some(loaded.now.plus(command.duration));
    Ok(Change { grant: Some(grant), ..Change::none(reply) })
}

pub(super) fn journal_exchange(loaded: &Loaded, command: &JournalExchange) -> Result<Change, Conflict> {
    let mut record = loaded.authorization.clone().ok_or(Conflict::NoSuchAuthorization)?;
    if let AuthorizationStatus::Exchanging(exchange) = record.status
        && exchange.attempt == command.attempt
    {
        return Ok(Change::none(Reply::Authorization(Box::new(record))));
    }
    if record.status != AuthorizationStatus::Open || command.wall >= record.expires_at {
        return Err(Conflict::LinkUsed);
    }
    record.status = AuthorizationStatus::Exchanging(Exchange {
        attempt: command.attempt,
        holder: command.holder,
        journalled_at: command.wall,
    });
    let reply = Reply::Authorization(Box::new(record.clone()));
    Ok(Change { authorization: Some(record), ..Change::none(reply) })
}

pub(super) fn complete(loaded: &Loaded, command: &Complete) -> Result<Change, Conflict> {
    let record = loaded.authorization.clone().ok_or(Conflict::NoSuchAuthorization)?;
    if let (AuthorizationStatus::Connected, Some(grant)) = (&record.status, &loaded.grant) {
        // The same commit ran before; its answer was lost.
        let connected = Connected { grant: grant.clone(), authorization: record };
        return Ok(Change::none(Reply::Connected(Box::new(connected))));
    }
    if !matches!(record.status, AuthorizationStatus::Exchanging(exchange) if exchange.attempt == command.attempt)
    {
        return Err(Conflict::LinkUsed);
    }
    if command.issued.access.is_none() && command.issued.refresh_token.is_none() {
        return Err(Conflict::NothingIssued);
    }
    match &loaded.grant {
        Some(grant) if grant.state == GrantState::Revoked => Err(Conflict::Revoked),
        Some(grant) if is_other_account(grant, command) => Ok(wrong_account(grant, record, command)),
        _ => Ok(connect(loaded, record, command)),
    }
}

pub(super) fn fail(loaded: &Loaded, command: &FailAuthorization) -> Result<Change, Conflict> {
    let mut record = loaded.authorization.clone().ok_or(Conflict::NoSuchAuthorization)?;
    if matches!(record.status, AuthorizationStatus::Open | AuthorizationStatus::Exchanging(_)) {
        let (reason, diagnosis) = (command.reason.clone(), command.diagnosis.clone());
        record.status = AuthorizationStatus::Failed { reason, diagnosis };
    }
    let grant = loaded.grant.clone().filter(|grant| grant.blocked_until.is_some()).map(|mut grant| {
        grant.blocked_until = None;
        grant
    });
    let reply = Reply::Authorization(Box::new(record.clone()));
    Ok(Change { grant, authorization: Some(record), ..Change::none(reply) })
}

/// Compared only where the provider tells both times: a provider that tells no subject cannot be held to it.
fn is_other_account(grant: &GrantRecord, command: &Complete) -> bool {
    let differs = |held: &Option<String>, came: &Option<String>| matches!((held, came), (Some(held), Some(came)) if held != came);
    differs(&grant.owner.subject, &command.subject)
}

fn wrong_account(grant: &GrantRecord, mut record: AuthorizationRecord, command: &Complete) -> Change {
    record.status = AuthorizationStatus::WrongAccount;
    let event = grant.event(EventKind::WrongAccount, command.wall);
    let mut unblocked = grant.clone();
    unblocked.blocked_until = None;
    let reply = Reply::Authorization(Box::new(record.clone()));
    let grant = Some(unblocked);
    Change { grant, authorization: Some(record), events: vec![event], ..Change::none(reply) }
}

fn connect(loaded: &Loaded, mut record: AuthorizationRecord, command: &Complete) -> Change {
    let kind = if loaded.grant.is_some() { EventKind::Reconnected } else { EventKind::Connected };
    let mut grant = loaded.grant.clone().unwrap_or_else(|| {
        GrantRecord::new(command.new_grant, &record.namespace, &record.client, command.wall)
    });
    describe_owner(&mut grant, &record, command);
    let issued = &command.issued;
    let credential = issued.refresh_token.clone().map(|refresh_token| {
        move |generation| Credential {
            refresh_token,
            generation,
            obtained_at: issued.sent_at,
            expires_at: issued.refresh_expires_at,
            authorization_expires_at: issued.authorization_expires_at,
        }
    });
    grant.begin_lineage(credential, issued.access.clone(), command.wall);
    schedule(&mut grant, loaded.client.as_deref(), command.wall);
    record.status = AuthorizationStatus::Connected;
    record.result = Some(grant.id);
    let mut event = grant.event(kind, command.wall);
    event.attempt = Some(command.attempt);
    let client = loaded.client.as_deref().and_then(|before| {
        let mut client = before.clone();
        client.breaker.accepted(&grant);
        (client != *before).then_some(client)
    });
    let connected = Connected { grant: grant.clone(), authorization: record.clone() };
    Change {
        grant: Some(grant),
        client,
        authorization: Some(record),
        events: vec![event],
        ..Change::none(Reply::Connected(Box::new(connected)))
    }
}

fn describe_owner(grant: &mut GrantRecord, record: &AuthorizationRecord, command: &Complete) {
    let owner = &mut grant.owner;
    owner.subject = command.subject.clone().or(owner.subject.take());
    owner.tenant = command.tenant.clone().or(owner.tenant.take());
    owner.external_id = record.owner.external_id.clone().or(owner.external_id.take());
    owner.labels.extend(record.owner.labels.clone());
    grant.requested = record.scopes.clone();
    // RFC 6749 5.1: an absent `scope` means that what was asked for was granted.
    grant.granted = command.issued.scope.clone().unwrap_or_else(|| record.scopes.clone());
}
