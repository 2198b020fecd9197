//! Taking the lease and journalling the attempt (DESIGN, step 3).

use std::{sync::Arc, time::Duration};

use super::{
    Change, Conflict, Loaded, Reply, deadlines, expiry, outcome, probe,
    schedule::{end_of_refused_request, not_before, renewal, schedule},
};
use crate::{
    client::{Admission, Breaker, ClientRecord, Probation, Probe},
    diagnosis::{Diagnosis, PreviousOutcome},
    grant::{
        AccessKey, Attempt, Credential, Event, Freshness, GrantRecord, GrantState, Lease, Outcome, Pace,
        Permission, PresentationRules, StoreTime, may_present,
    },
    name::{AttemptId, Fence, Generation, GrantId, HolderId},
    time::Timestamp,
};

/// How often the scheduler looks at a grant of a quarantined store.
const QUARANTINE_RECHECK: Duration = Duration::from_secs(60);

/// Asks for the right to refresh one grant.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The grant.
    pub grant: GrantId,
    /// What the access token is for.
    pub key: AccessKey,
    /// When no refresh is needed.
    pub want: Want,
    /// The process that asks; it has no other flight of this grant.
    pub holder: HolderId,
    /// The attempt to journal.
    pub attempt: AttemptId,
    /// Wall clock.
    pub wall: Timestamp,
}

/// What would make a refresh needless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// A token that lives at least this long (capped at 80 % of its lifetime).
    Usable {
        /// Zero for any token that can be handed out.
        min_ttl: Duration,
    },
    /// A token outside the margin, and a refresh token that is not in doubt: a refresh ahead of time.
    Early,
    /// A token of a later generation than this one.
    Newer {
        /// What the caller has seen.
        than: Generation,
    },
}

/// The right to send one refresh, and all that is needed for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The grant, with the attempt journalled.
    pub grant: GrantRecord,
    /// The client, as of the same transaction.
    pub client: Arc<ClientRecord>,
    /// The refresh token to present.
    pub credential: Credential,
    /// The attempt.
    pub attempt: AttemptId,
    /// The number of the lease.
    pub fence: Fence,
    /// How fast it has to be.
    pub pace: Pace,
    /// The refresh token is from before the store was adopted, and nobody waits for it: ask about it before it is
    /// presented.
    pub unproven: bool,
}

/// Why no request is sent now.
#[derive(Debug, Clone, PartialEq)]
pub struct Deferral {
    /// The grant as it is.
    pub grant: GrantRecord,
    /// What stands in the way.
    pub wait: Wait,
}

/// What stands in the way of a refresh.
#[derive(Debug, Clone, PartialEq)]
pub enum Wait {
    /// Nothing: what was wanted is there.
    Satisfied,
    /// Another flight is open, or a re-authorization is about to complete.
    Leased {
        /// Its right ends by itself after this time.
        for_at_most: Duration,
    },
    /// A transient failure is being waited out.
    BackingOff {
        /// When the next attempt is due.
        until: Timestamp,
    },
    /// The provider rejects the client's registration.
    ClientSuspended {
        /// When to ask again.
        until: Timestamp,
        /// Why; `None` while a second opinion is being fetched.
        diagnosis: Option<Box<Diagnosis>>,
    },
    /// The refresh token may be spent, and presenting it again is not safe yet.
    OutcomeUnknown {
        /// When it will be.
        until: Timestamp,
    },
    /// The store was adopted, its refresh token may be old, and another grant of the client is having its turn.
    OnProbation {
        /// When to ask again.
        until: Timestamp,
    },
    /// The grant's state rules out a refresh for good.
    Closed,
    /// The store was restored or copied and has not been adopted.
    Quarantined,
}

impl Want {
    /// Whether the grant as it is satisfies the wish for `key`.
    pub fn is_satisfied(self, grant: &GrantRecord, key: &AccessKey, wall: Timestamp) -> bool {
        let Some(entry) = grant.access_for(key) else { return false };
        let freshness = entry.freshness(wall);
        match self {
            Self::Usable { min_ttl } => {
                freshness != Freshness::Expired && entry.lives_at_least(min_ttl, wall)
            }
            // A token in doubt is looked after at once: some providers forgive a repetition for a short time only.
            Self::Early => {
                freshness == Freshness::Fresh
                    && grant.doubtful_attempts().next().is_none()
                    && grant.put_back.is_none()
                    && !grant.life.asks_for_keep_alive(wall)
            }
            Self::Newer { than } => entry.generation > than && freshness != Freshness::Expired,
        }
    }
}

pub(super) fn claim(loaded: &Loaded, command: &Claim) -> Result<Change, Conflict> {
    let on_the_wall = sabotaged!(TrustTheWallClock).then(|| loaded.on_the_wall(command.wall));
    let loaded = on_the_wall.as_ref().unwrap_or(loaded);
    let mut grant = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    let client = loaded.client.as_ref().ok_or(Conflict::NoSuchClient)?;
    // By what the client says now: it may have been changed since the grant was scheduled.
    expiry::plan(&mut grant, Some(client));
    if let Some(wait) = standing(&grant, client, loaded, command) {
        if wait == Wait::Closed && grant.attempts.iter().any(Attempt::is_open) {
            return Ok(tidied(grant, client, loaded, command));
        }
        return Ok(deferred(grant, client, wait, command.wall));
    }
    let mut events = Vec::new();
    if grant.verdict.is_some() {
        // By the clock that no one can set: the pause that the refusal began was written down by the other one.
        if let Some(until) = outcome::open_until(&grant, loaded, command.holder, command.wall) {
            return Ok(deferred(grant, client, Wait::OutcomeUnknown { until }, command.wall));
        }
        // Nothing that could still bring a success is open any more: the refusal is final, or a spare takes over.
        outcome::settle(&mut grant, loaded, command.wall, &mut events);
        schedule(&mut grant, Some(client), command.wall);
        if matches!(grant.state, GrantState::NeedsReauthorization { .. }) {
            return Ok(Change {
                grant: Some(grant.clone()),
                events,
                ..deferred(grant, client, Wait::Closed, command.wall)
            });
        }
    }
    if let Permission::NotBefore(until) = permission(&grant, client, loaded, command) {
        return Ok(put_off(grant, client, Wait::OutcomeUnknown { until }, events, command.wall));
    }
    let Some(credential) = grant.credential.clone() else {
        return Ok(deferred(grant, client, Wait::Closed, command.wall));
    };
    let probation = match probe::admit(&grant, client, loaded, command) {
        Ok(probation) => probation,
        Err(until) => {
            return Ok(put_off(grant, client, Wait::OnProbation { until }, events, command.wall));
        }
    };
    let mut breaker = client.breaker.clone();
    let probe = Probe { attempt: command.attempt, until: loaded.now.plus(deadlines::LEASE) };
    match breaker.admit(&grant, probe, command.wall, loaded.now) {
        Admission::Suspended { until, diagnosis } => {
            let wait = Wait::ClientSuspended { until, diagnosis };
            return Ok(put_off(grant, client, wait, events, command.wall));
        }
        Admission::Open | Admission::AsProbe => {}
    }
    let pace = Pace::of(&client.provider.rotation);
    close_what_is_over(&mut grant, loaded, command);
    journal(&mut grant, command, pace, loaded.now);
    let unproven = probation.is_some() && command.want == Want::Early;
    let noted = noted(client, breaker, probation);
    let claimed = Claimed {
        grant: grant.clone(),
        client: noted.clone().map_or_else(|| Arc::clone(client), Arc::new),
        credential,
        attempt: command.attempt,
        fence: grant.fence,
        pace,
        unproven,
    };
    Ok(Change {
        grant: Some(grant),
        client: noted,
        events,
        ..Change::none(Reply::Claimed(Box::new(claimed)))
    })
}

/// The client with what the claim notes in it; `None` if that is nothing.
fn noted(client: &ClientRecord, breaker: Breaker, probation: Option<Probation>) -> Option<ClientRecord> {
    let with_breaker = client.with_breaker(breaker);
    let Some(probation) = probation else { return with_breaker };
    Some(ClientRecord { probation, ..with_breaker.unwrap_or_else(|| client.clone()) })
}

/// What stands in the way whatever a refusal that has waited means, most final first.
fn standing(grant: &GrantRecord, client: &ClientRecord, loaded: &Loaded, command: &Claim) -> Option<Wait> {
    if command.want.is_satisfied(grant, &command.key, command.wall) {
        return Some(Wait::Satisfied);
    }
    let closed = match grant.state {
        GrantState::Active | GrantState::Degraded { .. } => grant.credential.is_none(),
        GrantState::NeedsReauthorization { .. } if sabotaged!(AskForTheDead) => grant.credential.is_none(),
        GrantState::NeedsReauthorization { .. } | GrantState::NotRefreshable | GrantState::Revoked => true,
    };
    if closed {
        return Some(Wait::Closed);
    }
    if loaded.quarantined && !sabotaged!(IgnoreTheQuarantine) {
        return Some(Wait::Quarantined);
    }
    if let Some(for_at_most) = occupied(grant, loaded, command.holder) {
        return Some(Wait::Leased { for_at_most });
    }
    if command.want == Want::Early && is_too_early(grant, client, command) {
        return Some(Wait::Satisfied);
    }
    let retry_at = grant.retry_at.filter(|until| *until > command.wall && !was_set_back(grant, command.wall));
    retry_at.map(|until| Wait::BackingOff { until })
}

fn permission(grant: &GrantRecord, client: &ClientRecord, loaded: &Loaded, command: &Claim) -> Permission {
    let rules = PresentationRules {
        policy: &client.provider.rotation,
        pace: Pace::of(&client.provider.rotation),
        owner_wait: deadlines::OWNER_WAIT,
        holder: command.holder,
        ended_holders: &loaded.ended_holders,
        key: &command.key,
        wall: command.wall,
        store: loaded.now,
    };
    may_present(grant, &rules)
}

/// Whether a refresh ahead of time would do harm, or be refused, while the access token is good. A token in doubt, or one that
/// is about to end unused, is worth it.
fn is_too_early(grant: &GrantRecord, client: &ClientRecord, command: &Claim) -> bool {
    let doubted = grant.doubtful_attempts().next().is_some() || grant.put_back.is_some();
    if doubted || grant.life.asks_for_keep_alive(command.wall) {
        return false;
    }
    let usable = |entry: &&crate::grant::AccessEntry| entry.freshness(command.wall) != Freshness::Expired;
    let Some(entry) = grant.access_for(&command.key).filter(usable) else { return false };
    client.provider.refresh.ends_access_token
        || not_before(entry, client).is_some_and(|earliest| earliest > command.wall)
}

/// Whether the wall clock was set back since the last attempt: what is waited for by that clock could take for ever.
/// Only the last one counts: what was written down after the clock was set holds.
fn was_set_back(grant: &GrantRecord, wall: Timestamp) -> bool {
    let ended = grant.attempts.iter().filter(|attempt| attempt.ended_at.is_some());
    let last = ended.max_by_key(|attempt| attempt.fence).and_then(|attempt| attempt.ended_at);
    last.is_some_and(|ended| ended > wall.plus(deadlines::CLOCK_TOLERANCE))
}

/// How long the grant belongs to somebody else; `None` if it is free.
pub(super) fn occupied(grant: &GrantRecord, loaded: &Loaded, holder: HolderId) -> Option<Duration> {
    if sabotaged!(IgnoreLeases) {
        return None;
    }
    let lease = grant
        .lease
        .filter(|lease| lease.holder != holder && !loaded.ended_holders.contains(&lease.holder))
        .map(|lease| loaded.now.until(lease.until));
    let block = grant.blocked_until.map(|until| loaded.now.until(until));
    lease.into_iter().chain(block).max().filter(|wait| !wait.is_zero())
}

/// Attempts whose process can tell nothing any more get the outcome that they have: nobody knows.
fn close_what_is_over(grant: &mut GrantRecord, loaded: &Loaded, command: &Claim) {
    let is_over = |holder| holder == command.holder || loaded.ended_holders.contains(&holder);
    for attempt in grant.attempts.iter_mut().filter(|attempt| attempt.is_open() && is_over(attempt.holder)) {
        attempt.outcome = Some(Outcome::Unknown {
            manner: PreviousOutcome::NotRecorded,
            reason: "the process that made it ended before it recorded an outcome".to_owned(),
        });
        attempt.ended_at = Some(command.wall);
    }
}

/// A grant that asks for nothing any more, and attempts of which nobody will tell how they ended.
fn tidied(mut grant: GrantRecord, client: &ClientRecord, loaded: &Loaded, command: &Claim) -> Change {
    close_what_is_over(&mut grant, loaded, command);
    schedule(&mut grant, Some(client), command.wall);
    Change { grant: Some(grant.clone()), ..deferred(grant, client, Wait::Closed, command.wall) }
}

fn journal(grant: &mut GrantRecord, command: &Claim, pace: Pace, now: StoreTime) {
    grant.fence = grant.fence.next();
    grant.lease =
        Some(Lease { holder: command.holder, fence: grant.fence, until: now.plus(deadlines::LEASE) });
    if sabotaged!(ReleaseTheLeaseEarly) {
        grant.lease = None;
    }
    grant.blocked_until = None;
    // Should this process end, the scheduler of another one finds the grant as soon as an answer is overdue: a window
    // in which the provider forgives a repetition may be shorter than the lease.
    grant.next_due_at = Some(command.wall.plus(pace.total()));
    grant.attempts.push(Attempt {
        id: command.attempt,
        generation: grant.generation,
        fence: grant.fence,
        holder: command.holder,
        key: command.key.clone(),
        journalled_at: command.wall,
        journalled_on: now,
        outcome: None,
        ended_at: None,
        brought_by_others: Vec::new(),
    });
}

/// [`deferred`], after a refusal has been made final in the claim.
fn put_off(
    grant: GrantRecord,
    client: &ClientRecord,
    wait: Wait,
    mut events: Vec<Event>,
    wall: Timestamp,
) -> Change {
    let settled = (!events.is_empty()).then(|| grant.clone());
    let change = deferred(grant, client, wait, wall);
    events.extend(change.events);
    Change { grant: change.grant.or(settled), events, ..change }
}

/// A grant that is due and cannot be helped now is put off, so that the scheduler does not find it at every tick.
fn deferred(mut grant: GrantRecord, client: &ClientRecord, wait: Wait, wall: Timestamp) -> Change {
    let until = match &wait {
        Wait::BackingOff { until }
        | Wait::ClientSuspended { until, .. }
        | Wait::OutcomeUnknown { until }
        | Wait::OnProbation { until } => Some(*until),
        Wait::Leased { for_at_most } => Some(wall.plus(*for_at_most)),
        Wait::Quarantined => Some(wall.plus(QUARANTINE_RECHECK)),
        // What is put back waits for nobody's wish.
        Wait::Satisfied if grant.put_back.is_some() => None,
        Wait::Satisfied => renewal(&grant, Some(client), wall),
        Wait::Closed => None,
    };
    let due = grant.next_due_at.is_some_and(|due| due <= wall);
    let late = until.filter(|until| due && grant.next_due_at.is_some_and(|due| due < *until));
    let done = due && until.is_none() && wait == Wait::Satisfied && grant.put_back.is_none();
    if late.is_some() || done {
        grant.next_due_at = late;
    }
    let changed = late.is_some() || done;
    let events = if changed { end_of_refused_request(&mut grant, wall) } else { Vec::new() };
    let changed = changed.then(|| grant.clone());
    Change { grant: changed, events, ..Change::none(Reply::Deferred(Box::new(Deferral { grant, wait }))) }
}
