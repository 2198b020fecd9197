//! Committing what a refresh brought, before anybody uses it (DESIGN, steps 5 to 7).

use std::time::Duration;

use super::{
    Change, Conflict, Loaded, learn::unused_before, outcome::outlives_its_successor, schedule::schedule,
};
use crate::{
    client::{Breaker, ClientRecord},
    grant::{
        Attempt, Credential, Event, EventKind, Freshness, GrantRecord, GrantState, IssuedTokens, Outcome,
        Overtaken, Spare, TokenMark,
    },
    name::{AttemptId, GrantId},
    secret::RefreshToken,
    time::Timestamp,
};

/// Late credentials that are kept; the newest are the likeliest to live.
const MAX_SPARES: usize = 4;

/// Longest time for which a request is thought to be on its way: queues of proxies hold some for minutes, none for a day.
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Records that an attempt brought tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Succeed {
    /// The grant.
    pub grant: GrantId,
    /// The attempt.
    pub attempt: AttemptId,
    /// The version of the client that it ran with.
    pub client_version: u64,
    /// What it brought.
    pub issued: IssuedTokens,
    /// Wall clock.
    pub wall: Timestamp,
}

pub(super) fn succeed(loaded: &Loaded, command: &Succeed) -> Result<Change, Conflict> {
    let mut grant = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    let attempt = record_outcome(&mut grant, command.attempt, Outcome::Succeeded, command.wall)?;
    let Some(attempt) = attempt else {
        // The same commit ran before; its answer was lost.
        return Ok(Change::grant(grant, Vec::new()));
    };
    release(&mut grant, &attempt);
    tell_the_doubtful(&mut grant, &attempt, command);
    let mut events = Vec::new();
    if grant.state == GrantState::Revoked {
        keep_for_revocation(&mut grant, command);
    } else if attempt.generation < grant.lineage_start && !sabotaged!(ForgetTheLineage) {
        events.push(grant.event(EventKind::SupersededSuccess, command.wall));
    } else if attempt.generation == grant.generation || sabotaged!(DropTheGenerationCheck, ForgetTheLineage) {
        install(&mut grant, loaded, command, &mut events);
    } else {
        keep_late(&mut grant, loaded, &attempt, command, &mut events);
    }
    if sabotaged!(RaiseTheDead) {
        grant.removed_at = None;
        grant.state = GrantState::Active;
    }
    let (client, resumed) = accepted(loaded.client.as_deref(), &grant, command);
    if let Some(client) = &client
        && resumed
    {
        events.push(client.event(EventKind::ClientRecovered, command.wall));
    }
    schedule(&mut grant, client.as_ref().or(loaded.client.as_deref()), command.wall);
    for event in &mut events {
        event.attempt = Some(command.attempt);
    }
    let resume = resumed.then(|| (grant.namespace.clone(), grant.client.clone()));
    Ok(Change { client, resume, ..Change::grant(grant, events) })
}

/// What the lifeboat held while the store was put back to before the attempt: most likely the newest credential that
/// anybody has, since the refresh token of a backup has been spent for it, or for one before it.
pub(super) fn salvage(loaded: &Loaded, command: &Succeed) -> Result<Change, Conflict> {
    let mut grant = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    if grant.attempts.iter().any(|attempt| attempt.id == command.attempt) {
        return succeed(loaded, command);
    }
    let refresh_token = command.issued.refresh_token.as_ref().ok_or(Conflict::NothingIssued)?;
    let mut events = Vec::new();
    if grant.state == GrantState::Revoked {
        keep_for_revocation(&mut grant, command);
    } else if !is_held_or_spent(&grant, refresh_token) {
        if command.issued.sent_at >= grant.last_success_at && grant.lease.is_none() {
            install(&mut grant, loaded, command, &mut events);
        } else {
            push_spare(&mut grant, command, refresh_token, &mut events);
        }
    }
    schedule(&mut grant, loaded.client.as_deref(), command.wall);
    Ok(Change::grant(grant, events))
}

/// Writes the outcome of an attempt. `None` if it had succeeded already, which nothing may change, or if this very
/// outcome was written before: its commit ran and the answer was lost.
pub(super) fn record_outcome(
    grant: &mut GrantRecord,
    id: AttemptId,
    outcome: Outcome,
    wall: Timestamp,
) -> Result<Option<Attempt>, Conflict> {
    let attempt =
        grant.attempts.iter_mut().find(|attempt| attempt.id == id).ok_or(Conflict::NoSuchAttempt(id))?;
    if attempt.outcome == Some(Outcome::Succeeded) || attempt.outcome.as_ref() == Some(&outcome) {
        return Ok(None);
    }
    attempt.outcome = Some(outcome);
    attempt.ended_at = Some(wall);
    Ok(Some(attempt.clone()))
}

/// What came for one presentation of a refresh token may come again for another one, which is told how to know it.
fn tell_the_doubtful(grant: &mut GrantRecord, succeeded: &Attempt, command: &Succeed) {
    let Some(refresh_token) = &command.issued.refresh_token else { return };
    let same = |attempt: &&mut Attempt| attempt.generation == succeeded.generation && attempt.is_doubtful();
    for attempt in grant.attempts.iter_mut().filter(same) {
        let mark = TokenMark::of(refresh_token, attempt.id);
        if !attempt.brought_by_others.contains(&mark) {
            attempt.brought_by_others.push(mark);
        }
    }
}

/// Gives back the lease of this attempt; a lease that somebody else has taken since is not ours to give.
pub(super) fn release(grant: &mut GrantRecord, attempt: &Attempt) {
    let own = grant.lease.is_some_and(|lease| lease.fence == attempt.fence) || sabotaged!(DropTheFenceCheck);
    if own && !sabotaged!(KeepTheLease) {
        grant.lease = None;
    }
}

fn install(grant: &mut GrantRecord, loaded: &Loaded, command: &Succeed, events: &mut Vec<Event>) {
    let troubled = !matches!(grant.state, GrantState::Active | GrantState::NotRefreshable);
    let passed = unused_before(grant, command);
    let presented = grant.presented().filter(|_| outlives_its_successor(loaded));
    grant.refused_for = None;
    grant.overtaken = overtaken_by_this(grant, command.wall);
    if !sabotaged!(StandStill) {
        grant.generation = grant.generation.next();
    }
    let issued = &command.issued;
    let held = grant.credential.as_ref();
    grant.life.note_ends(held.and_then(|held| held.expires_at), issued.refresh_expires_at, passed);
    // Announced once, often only with the first answer: it holds for the whole authorization.
    let authorization_expires_at =
        issued.authorization_expires_at.or_else(|| held.and_then(|held| held.authorization_expires_at));
    if let Some(refresh_token) = issued.refresh_token.as_ref().filter(|_| !sabotaged!(KeepTheOldToken)) {
        let rotated = Credential {
            refresh_token: refresh_token.clone(),
            generation: grant.generation,
            obtained_at: issued.sent_at,
            expires_at: issued.refresh_expires_at,
            authorization_expires_at: issued.authorization_expires_at,
        };
        // One that another presentation found refused will not work again.
        let refused =
            grant.verdict.is_some() || matches!(grant.state, GrantState::NeedsReauthorization { .. });
        grant.predecessor = grant.credential.replace(rotated).filter(|_| !refused);
        grant.exchanged = presented;
        grant.put_back = None;
        // A late success may have brought the same before: when it is needed as a spare, it will have been spent.
        grant.spares.retain(|spare| spare.credential.refresh_token != *refresh_token);
    } else if let Some(kept) = &mut grant.credential {
        // RFC 6749 6: no new refresh token means that the old one stays. Its predecessor is no longer needed.
        kept.generation = grant.generation;
        kept.expires_at = issued.refresh_expires_at.or(kept.expires_at);
        kept.authorization_expires_at = authorization_expires_at;
        grant.predecessor = None;
        grant.put_back = None;
    }
    if let Some(access) = &issued.access {
        let mut access = access.clone();
        access.generation = grant.generation;
        if let Some(scope) =
            issued.scope.as_ref().filter(|_| access.key.scope.is_none() || sabotaged!(NarrowTheGrant))
        {
            grant.granted = scope.clone();
        }
        grant.access.retain(|entry| entry.key != access.key);
        grant.access.push(access);
    }
    grant.take_back_death();
    grant.state = GrantState::Active;
    grant.verdict = None;
    grant.last_success_at = command.wall;
    if is_usable(grant, command) {
        grant.failures = 0;
        grant.retry_at = None;
    } else {
        // A success without a token that could be handed out: the next one is no sooner than after a failure.
        let pause = Duration::from_secs(2 << grant.failures.min(7));
        grant.retry_at = Some(command.wall.plus(pause));
        grant.failures = grant.failures.saturating_add(1);
    }
    events.push(grant.event(EventKind::Refreshed, command.wall));
    if troubled {
        events.push(grant.event(EventKind::Recovered, command.wall));
    }
}

/// What may still be on its way with the token that is replaced now, or with one before it.
fn overtaken_by_this(grant: &GrantRecord, wall: Timestamp) -> Option<Overtaken> {
    let doubtful = grant.doubtful_attempts().map(Overtaken::of);
    let earlier = grant.overtaken_attempt();
    doubtful
        .chain(earlier)
        .max_by_key(|overtaken| overtaken.journalled_at)
        .filter(|overtaken| wall.since(overtaken.journalled_at) < LONGEST_DELAY)
}

fn is_usable(grant: &GrantRecord, command: &Succeed) -> bool {
    let brought = command.issued.access.as_ref().and_then(|access| grant.access_for(&access.key));
    brought.is_some_and(|access| access.freshness(command.wall) != Freshness::Expired)
}

/// Another refresh moved the generation first. What this one brought may be the only live credential: a spare, or, if what it
/// presented is put back, the one that replaced the successor which was refused.
fn keep_late(
    grant: &mut GrantRecord,
    loaded: &Loaded,
    attempt: &Attempt,
    command: &Succeed,
    events: &mut Vec<Event>,
) {
    let put_back = grant.has_put_back(attempt.generation);
    let Some(refresh_token) = &command.issued.refresh_token else {
        if put_back {
            // What is put back has worked, and stays.
            install(grant, loaded, command, events);
        }
        return;
    };
    if sabotaged!(DropLateSuccesses) {
        return;
    }
    let brought_before = attempt.brought_by_others.contains(&TokenMark::of(refresh_token, attempt.id));
    if brought_before || is_held_or_spent(grant, refresh_token) {
        // A provider that answers a repetition with the same successor: it was installed, or spent, already.
        return;
    }
    if put_back {
        install(grant, loaded, command, events);
        return;
    }
    push_spare(grant, command, refresh_token, events);
    if matches!(grant.state, GrantState::NeedsReauthorization { .. }) {
        super::outcome::install_spare(grant, loaded, command.wall, events);
    }
}

fn push_spare(
    grant: &mut GrantRecord,
    command: &Succeed,
    refresh_token: &RefreshToken,
    events: &mut Vec<Event>,
) {
    if grant.spares.len() >= MAX_SPARES {
        grant.spares.remove(0);
    }
    grant.spares.push(Spare {
        attempt: command.attempt,
        credential: Credential {
            refresh_token: refresh_token.clone(),
            generation: grant.generation,
            obtained_at: command.issued.sent_at,
            expires_at: command.issued.refresh_expires_at,
            authorization_expires_at: command.issued.authorization_expires_at,
        },
    });
    events.push(grant.event(EventKind::SpareKept, command.wall));
}

fn is_held_or_spent(grant: &GrantRecord, refresh_token: &RefreshToken) -> bool {
    let replaced = grant.predecessor.as_ref().is_some_and(|held| held.refresh_token == *refresh_token);
    replaced || holds(grant, refresh_token)
}

/// A success that arrives after we revoked the grant: the provider has a live token again, and it owes its revocation. What
/// is owed already stays where it is, and the new one stands in line behind it. There are no more of them than requests
/// were under way: a revoked grant begins none.
fn keep_for_revocation(grant: &mut GrantRecord, command: &Succeed) {
    if let Some(refresh_token) = &command.issued.refresh_token
        && !holds(grant, refresh_token)
    {
        let credential = Credential {
            refresh_token: refresh_token.clone(),
            generation: grant.generation,
            obtained_at: command.issued.sent_at,
            expires_at: None,
            authorization_expires_at: None,
        };
        grant.spares.push(Spare { attempt: command.attempt, credential });
        if grant.credential.is_none() {
            super::revoke::install_next(grant);
        }
    }
    if let Some(revocation) = &mut grant.revocation {
        revocation.confirmed_at = None;
    }
    grant.retry_at = None;
}

/// Whether the refresh token is held to be used, or to be revoked.
fn holds(grant: &GrantRecord, refresh_token: &RefreshToken) -> bool {
    let spares = grant.spares.iter().map(|spare| &spare.credential);
    grant.credential.iter().chain(spares).any(|held| held.refresh_token == *refresh_token)
}

/// The provider served this client: whatever suspended it is over, if it was about the same configuration.
fn accepted(
    client: Option<&ClientRecord>,
    grant: &GrantRecord,
    command: &Succeed,
) -> (Option<ClientRecord>, bool) {
    let Some(before) = client.filter(|client| client.version == command.client_version) else {
        return (None, false);
    };
    let mut breaker = before.breaker.clone();
    let resumed = breaker.accepted(grant);
    (before.with_breaker(breaker), resumed)
}

impl ClientRecord {
    /// The client with what its breaker has learned; `None` if that is nothing.
    pub(super) fn with_breaker(&self, breaker: Breaker) -> Option<Self> {
        (breaker != self.breaker).then(|| Self { breaker, ..self.clone() })
    }

    /// An event of this client.
    pub(super) fn event(&self, kind: EventKind, at: Timestamp) -> Event {
        Event {
            at,
            namespace: self.namespace.clone(),
            client: self.name.clone(),
            grant: None,
            generation: None,
            attempt: None,
            kind,
            diagnosis: None,
            expires_at: None,
        }
    }
}
