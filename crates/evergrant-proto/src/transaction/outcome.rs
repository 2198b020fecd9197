//! Recording how an attempt ended without tokens.

use super::{
    Change, Conflict, Loaded, deadlines,
    schedule::schedule,
    succeed::{record_outcome, release},
};
use crate::{
    diagnosis::{Cause, Certainty, Diagnosis, History, Neighbours, PreviousOutcome, diagnose},
    failure::Failure,
    grant::{
        Attempt, Credential, Degradation, Event, EventKind, GrantRecord, GrantState, Outcome, PendingVerdict,
        was_forgiven,
    },
    name::{AttemptId, GrantId, HolderId},
    provider::RotationKind,
    time::Timestamp,
};

/// Records that the provider refused the grant itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Refuse {
    /// The grant.
    pub grant: GrantId,
    /// The attempt.
    pub attempt: AttemptId,
    /// The version of the client that it ran with.
    pub client_version: u64,
    /// The answer. What it means depends on what the record says when it is recorded: an attempt whose process has
    /// stood still knows nothing of those that came after it.
    pub failure: Failure,
    /// When the request was sent.
    pub sent_at: Timestamp,
    /// Wall clock.
    pub wall: Timestamp,
}

/// Records that the provider rejected the client's registration.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectClient {
    /// The grant whose refresh it was.
    pub grant: GrantId,
    /// The attempt.
    pub attempt: AttemptId,
    /// The version of the client that it ran with: a client changed since is not suspended by it.
    pub client_version: u64,
    /// The answer.
    pub failure: Failure,
    /// When the request was sent.
    pub sent_at: Timestamp,
    /// Wall clock.
    pub wall: Timestamp,
}

/// Records that an attempt ended without tokens and without a verdict on grant or client.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// The grant.
    pub grant: GrantId,
    /// The attempt.
    pub attempt: AttemptId,
    /// What is known of it.
    pub ending: Ending,
    /// One line, masked.
    pub reason: String,
    /// What it means.
    pub diagnosis: Diagnosis,
    /// No attempt before this time.
    pub retry_at: Timestamp,
    /// Wall clock.
    pub wall: Timestamp,
}

/// What is known of an attempt that brought no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was never sent: our own doing, which says nothing about the provider, and nothing about the grant.
    NotSent,
    /// It cannot be sent at all: what is asked for, or the configuration, has to change.
    Unsendable,
    /// Provably not processed.
    NotProcessed,
    /// The refresh token may be spent; how the answer was lost.
    Unknown(PreviousOutcome),
    /// The provider refused what was asked for, not the grant.
    RequestRefused,
    /// It was never sent: the provider says that the refresh token is not active, and nobody needs it now.
    Inactive,
}

pub(super) fn refuse(loaded: &Loaded, command: &Refuse) -> Result<Change, Conflict> {
    let mut grant = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    let client = loaded.client.as_deref().ok_or(Conflict::NoSuchClient)?;
    let mut history = grant.history_of_failure(client, command.attempt, command.sent_at, command.wall);
    let heard = (command.wall, loaded.now);
    let forgiven = || was_forgiven(&grant, &client.provider.rotation, command.attempt, heard);
    history.repetition_forgiven = history.previous_attempt.map(|_| forgiven());
    let restored = grant.life.adoption < loaded.adoptions;
    history.store_restored = Some(restored);
    history.neighbours = Neighbours::of(&loaded.recent, &grant, None, command.wall);
    history.other_grants = history.neighbours.and_then(Neighbours::verdict);
    let outcome = Outcome::Refused { code: command.failure.code() };
    let Some(attempt) = record_outcome(&mut grant, command.attempt, outcome, command.wall)? else {
        return Ok(Change::grant(grant, Vec::new()));
    };
    // Whatever the fence: a newer attempt of this generation presents the same token. While it is open the verdict waits.
    let concerns = grant.holds_what_was_presented_as(attempt.generation) && lives(&grant);
    release(&mut grant, &attempt);
    let mut events = Vec::new();
    if restored {
        // What a backup tells of a newer credential, time may have overtaken elsewhere.
        grant.refused_for = None;
    }
    if concerns {
        let mut diagnosis = diagnose(&command.failure, &history, &client.provider);
        let undoubted = History {
            previous_attempt: None,
            newest_token_persisted: Some(true),
            idle: Some(command.sent_at.since(grant.last_used_at())),
            ..history.clone()
        };
        let cleared = diagnose(&command.failure, &undoubted, &client.provider);
        if sabotaged!(BlameTheUser) && diagnosis.cause == Cause::LostRotationNotPersisted {
            diagnosis.cause = Cause::UserRevoked;
        }
        grant.verdict = Some(Box::new(PendingVerdict { in_doubt: diagnosis.clone(), cleared }));
        match open_until(&grant, loaded, attempt.holder, command.wall) {
            Some(until) if !sabotaged!(BelieveTheFirstRefusal) => {
                degrade(&mut grant, Degradation::OutcomeUnknown, &diagnosis, until);
            }
            _ => settle(&mut grant, loaded, command.wall, &mut events),
        }
    }
    if outlives_its_successor(loaded) && grant.replaced_what_was_presented_as(attempt.generation) {
        // A success of the same token came first, and the token that it replaced will not work again.
        grant.predecessor = None;
    }
    // A server that judges the grant has accepted the client that presented it (RFC 6749 5.2 authenticates first).
    let client = concluded(loaded, command.client_version, |breaker| {
        breaker.accepted(&grant);
    });
    Ok(finish(grant, client, loaded, events, command.attempt, command.wall))
}

pub(super) fn reject_client(loaded: &Loaded, command: &RejectClient) -> Result<Change, Conflict> {
    let mut grant = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    let diagnosis = diagnose_rejection(&grant, loaded, command)?;
    let outcome = Outcome::Refused { code: command.failure.code() };
    let Some(attempt) = record_outcome(&mut grant, command.attempt, outcome, command.wall)? else {
        return Ok(Change::grant(grant, Vec::new()));
    };
    let governs = governs(&grant, &attempt);
    release(&mut grant, &attempt);
    let mut events = Vec::new();
    let client = concluded(loaded, command.client_version, |breaker| {
        breaker.rejected(&grant, &diagnosis, command.wall);
    });
    if let Some(client) = &client {
        let mut event = client.event(EventKind::ClientRejected, command.wall);
        event.grant = Some(grant.id);
        event.diagnosis = Some(diagnosis.clone());
        events.push(event);
    }
    if governs && sabotaged!(LetTheClientKillTheGrant) {
        grant.state = GrantState::NeedsReauthorization { diagnosis: Box::new(diagnosis) };
    } else if governs {
        let probe_at =
            client.as_ref().and_then(|client| next_probe(client, command.wall)).unwrap_or(command.wall);
        degrade(&mut grant, Degradation::ClientSuspended, &diagnosis, probe_at);
        // The breaker decides when this grant may be tried; a repaired client must not wait for the grant's own time.
        grant.retry_at = None;
        grant.next_due_at = Some(probe_at);
    }
    let due = grant.next_due_at;
    let mut change = finish(grant, client, loaded, events, command.attempt, command.wall);
    if let Some(grant) = change.grant.as_mut().filter(|_| governs) {
        grant.next_due_at = due;
    }
    Ok(change)
}

/// Others that were refreshed since this grant, or its organization, was rejected first: that clears the registration. What
/// worked before clears nothing, for a secret that is replaced now worked until now.
fn diagnose_rejection(
    grant: &GrantRecord,
    loaded: &Loaded,
    command: &RejectClient,
) -> Result<Diagnosis, Conflict> {
    let client = loaded.client.as_deref().ok_or(Conflict::NoSuchClient)?;
    let mut history = grant.history_of_failure(client, command.attempt, command.sent_at, command.wall);
    if let Some(since) = client.breaker.rejected_alone_since(grant) {
        let neighbours = Neighbours::of(&loaded.recent, grant, Some(since), command.wall);
        history.neighbours = neighbours.filter(|seen| seen.refreshed > 0);
        history.other_grants = history.neighbours.and_then(Neighbours::verdict);
    }
    Ok(diagnose(&command.failure, &history, &client.provider))
}

pub(super) fn end(loaded: &Loaded, command: &End) -> Result<Change, Conflict> {
    let mut grant = loaded.grant.clone().ok_or(Conflict::NoSuchGrant)?;
    let reason = command.reason.clone();
    let outcome = match command.ending {
        Ending::NotSent | Ending::Unsendable | Ending::NotProcessed | Ending::Inactive => {
            Outcome::Failed { reason }
        }
        Ending::Unknown(_) if sabotaged!(CallUnknownUnprocessed) => Outcome::Failed { reason },
        Ending::Unknown(manner) => Outcome::Unknown { manner, reason },
        Ending::RequestRefused => Outcome::Refused { code: reason },
    };
    let Some(attempt) = record_outcome(&mut grant, command.attempt, outcome, command.wall)? else {
        return Ok(Change::grant(grant, Vec::new()));
    };
    let governs = governs(&grant, &attempt);
    release(&mut grant, &attempt);
    let mut events = Vec::new();
    if governs {
        events.push(note_end(&mut grant, command));
    }
    let concerns = grant.holds_what_was_presented_as(attempt.generation) && lives(&grant);
    let awaited = grant.verdict.is_some() && concerns;
    // A refusal has waited for this. What takes the place of the credential waits on: the provider may have asked for it.
    let is_last = || open_until(&grant, loaded, attempt.holder, command.wall).is_none();
    if awaited && !is_replaceable(&grant, loaded) && is_last() {
        settle(&mut grant, loaded, command.wall, &mut events);
    }
    let version = loaded.client.as_deref().map_or(0, |client| client.version);
    let client = concluded(loaded, version, |breaker| breaker.inconclusive(command.attempt));
    Ok(finish(grant, client, loaded, events, command.attempt, command.wall))
}

/// What an ending without a verdict does to the grant that it governs.
fn note_end(grant: &mut GrantRecord, command: &End) -> Event {
    // An earlier unknown outcome of this generation goes on governing: the token is still in doubt.
    let doubted = grant.doubtful_attempts().next().is_some();
    let (degradation, kind) = match command.ending {
        Ending::Unknown(_) => (Degradation::OutcomeUnknown, EventKind::OutcomeUnknown),
        // Who asks meanwhile is told what has to change, and not to come back.
        Ending::RequestRefused | Ending::Unsendable => {
            (Degradation::RequestRefused, EventKind::RequestRefused)
        }
        _ => (Degradation::Transient, EventKind::RefreshFailed),
    };
    let degradation = if doubted { Degradation::OutcomeUnknown } else { degradation };
    let mut retry_at = command.retry_at;
    if matches!(command.ending, Ending::NotSent | Ending::Unsendable) {
        // What was waited for before goes on being waited for: a process that stood still knew nothing of it. Beyond the longest
        // wait lies only what a clock that was set back since has written.
        let promised = grant.retry_at.filter(|at| *at < command.wall.plus(deadlines::LONGEST_WAIT));
        retry_at = promised.map_or(retry_at, |promised| promised.max(retry_at));
    } else if command.ending != Ending::Inactive {
        grant.failures = grant.failures.saturating_add(1);
    }
    match command.ending {
        Ending::Inactive => {}
        // Nothing was learned: what the grant was before, it is still, and for the same reason.
        Ending::NotSent if !doubted || is_in_doubt(grant) => grant.retry_at = Some(retry_at),
        _ => degrade(grant, degradation, &command.diagnosis, retry_at),
    }
    let mut event = grant.event(kind, command.wall);
    event.diagnosis = Some(command.diagnosis.clone());
    event
}

fn is_in_doubt(grant: &GrantRecord) -> bool {
    matches!(grant.state, GrantState::Degraded { reason: Degradation::OutcomeUnknown, .. })
}

/// Makes a refusal final, unless a spare or a predecessor can take over. Otherwise nothing is deleted: what was refused
/// stays sealed.
pub(super) fn settle(grant: &mut GrantRecord, loaded: &Loaded, wall: Timestamp, events: &mut Vec<Event>) {
    if grant.verdict.is_none() {
        return;
    }
    if !grant.spares.is_empty() && !sabotaged!(ForgetSpares) {
        install_spare(grant, loaded, wall, events);
        return;
    }
    if outlives_its_successor(loaded) && grant.predecessor.is_some() {
        install_predecessor(grant, wall, events);
        return;
    }
    let Some(mut diagnosis) = refusal(grant) else { return };
    if sabotaged!(DeleteOnRefusal) {
        grant.credential = None;
        grant.access.clear();
    }
    if sabotaged!(KnowNothing) {
        diagnosis.cause = Cause::Undetermined;
    }
    grant.lease = None;
    grant.retry_at = None;
    grant.note_death(diagnosis.cause, wall);
    let mut event = grant.event(EventKind::NeedsReauthorization, wall);
    event.diagnosis = Some((*diagnosis).clone());
    events.push(event);
    grant.state = GrantState::NeedsReauthorization { diagnosis };
}

/// What is said of a refresh token that was spent: of an older one that takes the place of another, it tells nothing.
const OLD_NEWS: [Cause; 3] =
    [Cause::ConcurrentRefreshRace, Cause::LostRotationNotPersisted, Cause::RotatedTokenReused];

/// What time does to a refresh token.
const ENDS: [Cause; 2] = [Cause::RefreshTokenExpiredAbsolute, Cause::RefreshTokenExpiredIdle];

/// What the credential in force was refused for, or a newer one before it: what has taken the place of another is older, and
/// may have been spent long before. What else has ended it is news, and so is all that befell it after a use without an answer.
fn refusal(grant: &mut GrantRecord) -> Option<Box<Diagnosis>> {
    let in_doubt = grant.doubtful_attempts().next().is_some();
    let verdict = grant.verdict.take();
    let verdict = verdict.map(|verdict| Box::new(if in_doubt { verdict.in_doubt } else { verdict.cleared }));
    let own = verdict.or_else(|| match &grant.state {
        GrantState::NeedsReauthorization { diagnosis } => Some(diagnosis.clone()),
        _ => None,
    });
    let is_news = |first: &Diagnosis, own: &Diagnosis| {
        let in_doubt = in_doubt && (OLD_NEWS.contains(&first.cause) || own.certainty > first.certainty);
        own.certainty != Certainty::Possible && (in_doubt || !OLD_NEWS.contains(&own.cause))
    };
    // It was we who used what is put back: that it was used tells nothing at all.
    let tells_nothing =
        |own: &Diagnosis| grant.put_back.is_some() && !in_doubt && OLD_NEWS.contains(&own.cause);
    // What is certain of the newer one is not, of an older that may have brought tokens since.
    let is_unsettled = |first: &Diagnosis, own: &Diagnosis| {
        let certain = first.certainty == Certainty::Certain && OLD_NEWS.contains(&first.cause);
        in_doubt && certain && own.certainty == Certainty::Possible
    };
    match (grant.refused_for.take(), own) {
        (Some(first), Some(own)) if is_news(&first, &own) => Some(own),
        (Some(first), Some(mut own)) if is_unsettled(&first, &own) => {
            own.suspect(first.cause, &first.evidence);
            Some(own)
        }
        (Some(first), Some(own)) if first.cause == Cause::Undetermined && !tells_nothing(&own) => Some(own),
        (Some(mut first), Some(own)) => {
            // The older one may have brought tokens since, and then time ended it.
            if in_doubt && first.certainty != Certainty::Certain {
                let named = [own.cause].into_iter().chain(own.alternatives);
                named.filter(|cause| ENDS.contains(cause)).for_each(|end| first.allow_for(end));
            }
            Some(first)
        }
        (first, own) => first.or(own),
    }
}

/// Puts the newest spare in the place of a credential that was refused.
pub(super) fn install_spare(
    grant: &mut GrantRecord,
    loaded: &Loaded,
    wall: Timestamp,
    events: &mut Vec<Event>,
) {
    let Some(spare) = grant.spares.pop() else { return };
    grant.refused_for = refusal(grant);
    grant.generation = grant.generation.next();
    let mut credential = spare.credential;
    credential.generation = grant.generation;
    let refused = grant.credential.replace(credential);
    grant.put_back = None;
    // Where a token outlives its successor, the predecessor of what was refused may still work.
    if !outlives_its_successor(loaded) {
        grant.predecessor = refused;
    }
    grant.take_back_death();
    grant.state = GrantState::Active;
    grant.retry_at = None;
    events.push(grant.event(EventKind::SpareInstalled, wall));
}

/// Whether another credential is held for the case that the one in force is refused.
fn is_replaceable(grant: &GrantRecord, loaded: &Loaded) -> bool {
    !grant.spares.is_empty() || outlives_its_successor(loaded) && grant.predecessor.is_some()
}

/// Whether the provider takes a refresh token until its successor has been used: one that was refused has not been.
pub(super) fn outlives_its_successor(loaded: &Loaded) -> bool {
    let client = loaded.client.as_deref();
    client.is_some_and(|client| client.provider.rotation.kind == RotationKind::UntilSuccessorUsed)
}

/// Another presentation of the predecessor, one that was slow on its way, brought another successor, and with it the one
/// that is held lost its place. The predecessor itself still works: it brings the next.
fn install_predecessor(grant: &mut GrantRecord, wall: Timestamp, events: &mut Vec<Event>) {
    let Some(predecessor) = grant.predecessor.take() else { return };
    grant.refused_for = refusal(grant);
    grant.generation = grant.generation.next();
    grant.put_back = Some(predecessor.generation);
    grant.credential = Some(Credential { generation: grant.generation, ..predecessor });
    grant.state = GrantState::Active;
    grant.retry_at = None;
    events.push(grant.event(EventKind::SpareInstalled, wall));
}

/// Whether an outcome of this attempt may change the state of its grant.
fn governs(grant: &GrantRecord, attempt: &Attempt) -> bool {
    let fenced = attempt.fence == grant.fence || sabotaged!(DropTheFenceCheck);
    attempt.generation == grant.generation && fenced && lives(grant)
}

fn lives(grant: &GrantRecord) -> bool {
    matches!(grant.state, GrantState::Active | GrantState::Degraded { .. })
}

/// Until when another attempt of the generation can still bring a success; `None` if none can.
pub(super) fn open_until(
    grant: &GrantRecord,
    loaded: &Loaded,
    own: HolderId,
    wall: Timestamp,
) -> Option<Timestamp> {
    grant
        .attempts
        .iter()
        .filter(|attempt| grant.holds_what_was_presented_as(attempt.generation) && attempt.is_open())
        .filter(|attempt| attempt.holder != own && !loaded.ended_holders.contains(&attempt.holder))
        .map(|attempt| loaded.now.until(attempt.journalled_on.plus(deadlines::OWNER_WAIT)))
        .max()
        .filter(|wait| !wait.is_zero())
        .map(|wait| wall.plus(wait))
}

fn degrade(grant: &mut GrantRecord, reason: Degradation, diagnosis: &Diagnosis, retry_at: Timestamp) {
    grant.state = GrantState::Degraded { reason, diagnosis: Box::new(diagnosis.clone()) };
    grant.retry_at = Some(retry_at);
}

fn concluded(
    loaded: &Loaded,
    version: u64,
    conclude: impl FnOnce(&mut crate::client::Breaker),
) -> Option<crate::client::ClientRecord> {
    let before = loaded.client.as_deref().filter(|client| client.version == version)?;
    let mut breaker = before.breaker.clone();
    conclude(&mut breaker);
    before.with_breaker(breaker)
}

fn next_probe(client: &crate::client::ClientRecord, wall: Timestamp) -> Option<Timestamp> {
    let parts = client.breaker.parts.values().map(|part| part.probe_at).min();
    let probe_at = client.breaker.whole.as_ref().map(|whole| whole.probe_at).or(parts)?;
    Some(probe_at.max(wall))
}

fn finish(
    mut grant: GrantRecord,
    client: Option<crate::client::ClientRecord>,
    loaded: &Loaded,
    mut events: Vec<Event>,
    attempt: AttemptId,
    wall: Timestamp,
) -> Change {
    for event in &mut events {
        event.attempt = Some(attempt);
    }
    schedule(&mut grant, client.as_ref().or(loaded.client.as_deref()), wall);
    Change { client, ..Change::grant(grant, events) }
}
