//! The store: tables in memory, the production transactions over them, and faults in between.

mod backup;
mod recording;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use evergrant_proto::{
    authorization::{AuthorizationRecord, AuthorizationStatus, SUPERSEDED},
    client::ClientRecord,
    diagnosis::{LOOKED_AT, Sighting},
    engine::{SlotId, StoreFailure},
    grant::{Attempt, Event, GrantRecord, GrantState, StoreTime},
    name::{AttemptId, AuthorizationId, ClientName, GrantId, HolderId, Namespace},
    secret::{AuthorizationState, RefreshToken},
    time::Timestamp,
    transaction::{Change, Command, Complete, Conflict, Loaded, Reply, apply},
};

pub use backup::Backup;
use backup::Mark;
pub use recording::{Deed, Executed};

/// What becomes of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing is done, and said so.
    Away,
    /// It is committed, and the answer is lost.
    CommittedInDoubt,
    /// It is not committed, and nobody knows.
    LostInDoubt,
}

/// A fault waiting for its commands.
#[derive(Debug, Clone, Copy)]
pub struct StoreFault {
    /// Which commands it strikes.
    pub strikes: fn(&Command) -> bool,
    /// What becomes of them.
    pub fate: Fate,
    /// How many it still strikes.
    pub times: u32,
}

/// A slowness waiting for its commands.
#[derive(Debug, Clone, Copy)]
pub struct StoreDelay {
    /// Which commands it slows down.
    pub strikes: fn(&Command) -> bool,
    /// Milliseconds before anything is done.
    pub before: u64,
    /// Milliseconds after it is committed, before it is said.
    pub after: u64,
    /// How many it still strikes.
    pub times: u32,
}

/// What a process has put into the lifeboat.
#[derive(Debug, Clone)]
struct Rescued {
    /// Of the tables that it was meant for.
    epoch: u64,
    command: Command,
}

/// All tables, and the lifeboat and the anchor of the host.
#[derive(Debug, Default)]
pub struct Store {
    /// The grants, with the attempts that a transaction sees: of their generation, and open ones of any.
    grants: BTreeMap<GrantId, GrantRecord>,
    clients: BTreeMap<(Namespace, ClientName), Arc<ClientRecord>>,
    authorizations: BTreeMap<AuthorizationId, AuthorizationRecord>,
    journal: BTreeMap<GrantId, BTreeMap<AttemptId, Attempt>>,
    events: Vec<Event>,
    lifeboat: BTreeMap<(HolderId, SlotId), Option<Rescued>>,
    alive: BTreeSet<HolderId>,
    next_slot: u64,
    /// How far the tables have come: the number of the newest change, and the epoch, which an adoption renews.
    mark: Mark,
    /// What the host remembers of that, outside of the tables.
    anchor: Mark,
    last_epoch: u64,
    /// Neither read nor written while set.
    pub away: bool,
    /// Places cannot be reserved or written while set.
    pub lifeboat_away: bool,
    /// Restored or copied, and not adopted.
    pub quarantined: bool,
    /// How often it was adopted.
    pub adoptions: u64,
    /// Faults to come, the first that fits strikes.
    pub faults: Vec<StoreFault>,
    /// What became of the last command, if a fault struck it.
    pub(crate) last_fate: Option<Fate>,
    /// Delays to come, the first that fits strikes.
    pub delays: Vec<StoreDelay>,
    /// What was done with it, if anybody wants to know.
    recording: Option<Vec<Deed>>,
}

/// Commands and reads.
impl Store {
    /// Executes a command at `now`, unless a fault is in the way.
    pub fn execute(&mut self, command: &Command, now: StoreTime) -> Result<Reply, StoreFailure> {
        if self.away {
            return Err(StoreFailure::Away("the store is away".to_owned()));
        }
        self.last_fate = self.strike(command);
        match self.last_fate {
            None => self.transact(command, now).map_err(StoreFailure::Conflict),
            Some(Fate::Away) => Err(StoreFailure::Away("a fault".to_owned())),
            Some(Fate::LostInDoubt) => Err(StoreFailure::Ambiguous("a fault before the commit".to_owned())),
            Some(Fate::CommittedInDoubt) => {
                self.transact(command, now).map_err(StoreFailure::Conflict)?;
                Err(StoreFailure::Ambiguous("a fault after the commit".to_owned()))
            }
        }
    }

    /// A grant with its attempts, and its client.
    pub fn read(&self, id: GrantId) -> Result<Option<Box<(GrantRecord, ClientRecord)>>, StoreFailure> {
        if self.away {
            return Err(StoreFailure::Away("the store is away".to_owned()));
        }
        let Some(grant) = self.load(id, None) else { return Ok(None) };
        let client = self.clients.get(&(grant.namespace.clone(), grant.client.clone())).cloned();
        Ok(client.map(|client| Box::new((grant, Arc::unwrap_or_clone(client)))))
    }

    /// Grants that are due, the longest due first.
    pub fn due(&self, until: Timestamp, limit: usize) -> Vec<GrantId> {
        if self.away {
            return Vec::new();
        }
        let due = self.grants.values().filter_map(|grant| Some((grant.next_due_at?, grant.id)));
        let mut due: Vec<_> = due.filter(|(at, _)| *at <= until).collect();
        due.sort_unstable();
        due.into_iter().take(limit).map(|(_, id)| id).collect()
    }

    /// The authorization of a `state`, and its client.
    pub fn authorization_of(
        &self,
        state: &AuthorizationState,
    ) -> Result<Option<Box<(AuthorizationRecord, ClientRecord)>>, StoreFailure> {
        if self.away {
            return Err(StoreFailure::Away("the store is away".to_owned()));
        }
        let found = self.authorizations.values().find(|record| record.state.as_ref() == Some(state));
        Ok(found.and_then(|record| {
            let client = self.clients.get(&(record.namespace.clone(), record.client.clone()))?;
            Some(Box::new((record.clone(), ClientRecord::clone(client))))
        }))
    }

    fn strike(&mut self, command: &Command) -> Option<Fate> {
        let fault = self.faults.iter_mut().find(|fault| fault.times > 0 && (fault.strikes)(command))?;
        fault.times -= 1;
        Some(fault.fate)
    }

    /// How a command of a process is slowed down, if it is.
    pub(crate) fn hold_up(&mut self, command: &Command) -> Option<StoreDelay> {
        let delay = self.delays.iter_mut().find(|delay| delay.times > 0 && (delay.strikes)(command))?;
        delay.times -= 1;
        Some(*delay)
    }

    fn transact(&mut self, command: &Command, now: StoreTime) -> Result<Reply, Conflict> {
        let loaded = self.loaded(command, now);
        let result = apply(&loaded, command).map(|change| self.write(change));
        self.record(|| {
            let (command, result) = (command.clone(), result.clone());
            Deed::Executed(Box::new(Executed { command, now, result }))
        });
        result
    }

    fn loaded(&self, command: &Command, now: StoreTime) -> Loaded {
        let named = command.subjects();
        let authorization = named.authorization.and_then(|id| self.authorizations.get(&id)).cloned();
        let id = named.grant.or_else(|| self.grant_of(authorization.as_ref()?, command));
        let grant = id.and_then(|id| self.load(id, command.attempt()));
        let name = named
            .client
            .or_else(|| grant.as_ref().map(|grant| (grant.namespace.clone(), grant.client.clone())))
            .or_else(|| {
                authorization.as_ref().map(|record| (record.namespace.clone(), record.client.clone()))
            });
        Loaded {
            ended_holders: grant.as_ref().map_or_else(BTreeSet::new, |grant| self.ended_holders(grant)),
            held_by: command.brings().and_then(|token| self.holder_of(token, id)),
            client: name.and_then(|name| self.clients.get(&name)).cloned(),
            recent: grant.as_ref().map_or_else(Vec::new, |grant| self.recent(&grant.namespace, command)),
            grant,
            authorization,
            now,
            quarantined: self.quarantined,
            adoptions: self.adoptions,
        }
    }

    /// The grant with the attempts that a transaction sees: of its generation, open ones of any, and the named one.
    pub(crate) fn load(&self, id: GrantId, named: Option<AttemptId>) -> Option<GrantRecord> {
        let mut grant = self.grants.get(&id)?.clone();
        if let Some(named) = named
            && grant.attempts.iter().all(|attempt| attempt.id != named)
            && let Some(attempt) = self.journal.get(&id).and_then(|journal| journal.get(&named))
        {
            grant.attempts.push(attempt.clone());
            grant.attempts.sort_by_key(|attempt| attempt.fence);
        }
        Some(grant)
    }

    fn recent(&self, namespace: &Namespace, command: &Command) -> Vec<Sighting> {
        if !command.looks_around() {
            return Vec::new();
        }
        let of_namespace = self.events.iter().rev().filter(|event| event.namespace == *namespace);
        of_namespace.take(LOOKED_AT).map(Sighting::from).collect()
    }

    fn grant_of(&self, record: &AuthorizationRecord, command: &Command) -> Option<GrantId> {
        match command {
            _ if record.result.is_some() || record.grant.is_some() => record.result.or(record.grant),
            Command::Complete(complete) => self
                .of_token(record, complete)
                .or_else(|| if record.always_new { None } else { self.of_account(record, complete) }),
            _ => None,
        }
    }

    /// Live grants of the client that an authorization is for.
    fn of_client(&self, record: &AuthorizationRecord) -> impl Iterator<Item = &GrantRecord> {
        self.grants.values().filter(|grant| {
            grant.namespace == record.namespace
                && grant.client == record.client
                && grant.removed_at.is_none()
                && grant.state != GrantState::Revoked
        })
    }

    fn of_token(&self, record: &AuthorizationRecord, complete: &Complete) -> Option<GrantId> {
        let token = complete.issued.refresh_token.as_ref()?;
        let holds =
            |grant: &&GrantRecord| grant.credential.as_ref().is_some_and(|held| held.refresh_token == *token);
        self.of_client(record).find(holds).map(|grant| grant.id)
    }

    /// The one of the same person before one that nobody has claimed; never another person's.
    fn of_account(&self, record: &AuthorizationRecord, complete: &Complete) -> Option<GrantId> {
        let subject = complete.subject.as_ref()?;
        let person = record.owner.external_id.as_ref();
        let is_anothers = |known: Option<&String>| known.zip(person).is_some_and(|(known, own)| known != own);
        let same = |grant: &&GrantRecord| {
            grant.owner.subject.as_ref() == Some(subject) && !is_anothers(grant.owner.external_id.as_ref())
        };
        let found = self.of_client(record).filter(same);
        found.min_by_key(|grant| (grant.owner.external_id.as_ref() != person, grant.id)).map(|grant| grant.id)
    }

    fn holder_of(&self, token: &RefreshToken, except: Option<GrantId>) -> Option<GrantId> {
        let holds = |grant: &&GrantRecord| {
            Some(grant.id) != except
                && grant.credential.as_ref().is_some_and(|held| held.refresh_token == *token)
        };
        self.grants.values().find(holds).map(|grant| grant.id)
    }

    fn ended_holders(&self, grant: &GrantRecord) -> BTreeSet<HolderId> {
        let open = grant.attempts.iter().filter(|attempt| attempt.is_open()).map(|attempt| attempt.holder);
        let named = grant.lease.map(|lease| lease.holder).into_iter().chain(open);
        named.filter(|holder| self.has_ended(*holder)).collect()
    }

    /// Whether nothing can come from this process any more. What it has left behind for other tables never will.
    pub fn has_ended(&self, holder: HolderId) -> bool {
        let mut places = self.lifeboat.range((holder, SlotId(0))..=(holder, SlotId(u64::MAX)));
        let waits =
            |place: &Option<Rescued>| place.as_ref().is_some_and(|rescued| self.is_meant_for_us(rescued));
        !self.alive.contains(&holder) && !places.any(|(_, place)| waits(place))
    }

    fn write(&mut self, change: Change) -> Reply {
        if let Some((namespace, client)) = &change.resume {
            let degraded = self.grants.values_mut().filter(|grant| {
                grant.namespace == *namespace
                    && grant.client == *client
                    && matches!(grant.state, GrantState::Degraded { .. })
            });
            degraded.for_each(|grant| grant.next_due_at = Some(Timestamp(0)));
        }
        if let Some(mut grant) = change.grant {
            let journal = self.journal.entry(grant.id).or_default();
            for attempt in &grant.attempts {
                if journal.get(&attempt.id) != Some(attempt) {
                    journal.insert(attempt.id, attempt.clone());
                }
            }
            let generation = grant.generation;
            grant.attempts.retain(|attempt| attempt.generation == generation || attempt.is_open());
            self.grants.insert(grant.id, grant);
        }
        if let Some(client) = change.client {
            self.clients.insert((client.namespace.clone(), client.name.clone()), Arc::new(client));
        }
        if let Some(grant) = change.closes_links_of {
            let open = self
                .authorizations
                .values_mut()
                .filter(|record| record.grant == Some(grant) && record.status == AuthorizationStatus::Open);
            open.for_each(|record| {
                record.status =
                    AuthorizationStatus::Failed { reason: SUPERSEDED.to_owned(), diagnosis: None };
            });
        }
        if let Some(authorization) = change.authorization {
            self.authorizations.insert(authorization.id, authorization);
        }
        self.events.extend(change.events);
        self.advance();
        change.reply
    }
}

/// The lifeboat: places on the host, by process, that outlive it.
impl Store {
    /// Reserves a place.
    pub fn reserve(&mut self, holder: HolderId) -> Result<SlotId, StoreFailure> {
        if self.lifeboat_away {
            return Err(StoreFailure::Away("the lifeboat is away".to_owned()));
        }
        self.next_slot += 1;
        let slot = SlotId(self.next_slot);
        self.lifeboat.insert((holder, slot), None);
        self.record(|| Deed::Reserved(holder, slot));
        Ok(slot)
    }

    /// Writes into a reserved place.
    pub fn rescue(&mut self, holder: HolderId, slot: SlotId, command: Command) -> Result<(), StoreFailure> {
        if self.lifeboat_away || !self.lifeboat.contains_key(&(holder, slot)) {
            return Err(StoreFailure::Away("the lifeboat is away".to_owned()));
        }
        self.record(|| Deed::Rescued(holder, slot, Box::new(command.clone())));
        self.lifeboat.insert((holder, slot), Some(Rescued { epoch: self.mark.epoch, command }));
        Ok(())
    }

    /// Gives a place back.
    pub fn release(&mut self, holder: HolderId, slot: SlotId) {
        self.lifeboat.remove(&(holder, slot));
        self.record(|| Deed::Released(holder, slot));
    }

    /// What a process has put into the lifeboat.
    pub fn rescued_by(&self, holder: HolderId) -> impl Iterator<Item = &Command> {
        self.lifeboat
            .range((holder, SlotId(0))..=(holder, SlotId(u64::MAX)))
            .filter_map(|(_, rescued)| Some(&rescued.as_ref()?.command))
    }

    /// Everything in the lifeboat that is meant for these tables.
    pub fn rescued(&self) -> impl Iterator<Item = &Command> {
        let ours = self.lifeboat.values().flatten().filter(|rescued| self.is_meant_for_us(rescued));
        ours.map(|rescued| &rescued.command)
    }

    /// What is in the lifeboat and can be brought into the tables by anybody: its process has ended.
    pub(crate) fn replayable(&self) -> impl Iterator<Item = &Command> {
        let ended = self.lifeboat.iter().filter(|((holder, _), _)| !self.alive.contains(holder));
        let rescued = ended.filter_map(|(_, rescued)| rescued.as_ref());
        rescued.filter(|rescued| self.is_meant_for_us(rescued)).map(|rescued| &rescued.command)
    }

    /// Places that are reserved, or hold what is meant for these tables.
    pub fn places_taken(&self) -> Vec<(HolderId, SlotId)> {
        let ours = |place: &Option<Rescued>| place.as_ref().is_none_or(|it| self.is_meant_for_us(it));
        self.lifeboat.iter().filter(|(_, place)| ours(place)).map(|(whose, _)| *whose).collect()
    }

    /// What was rescued before the tables were adopted belongs to tables that nobody has any more: it stays where it is.
    fn is_meant_for_us(&self, rescued: &Rescued) -> bool {
        rescued.epoch == self.mark.epoch
    }

    /// The next place that an ended process has left behind, and what is in it.
    pub(crate) fn next_to_replay(&self) -> Option<((HolderId, SlotId), Option<Command>)> {
        if self.away || self.lifeboat_away {
            return None;
        }
        let mut ended = self.lifeboat.iter().filter(|((holder, _), _)| !self.alive.contains(holder));
        let lands = |rescued: &Rescued| !self.quarantined && self.is_meant_for_us(rescued);
        let (place, rescued) = ended.find(|(_, rescued)| rescued.as_ref().is_none_or(lands))?;
        Some((*place, rescued.as_ref().map(|rescued| rescued.command.clone())))
    }
}

/// Which processes live.
impl Store {
    /// A process has opened the store.
    pub fn enter(&mut self, holder: HolderId) {
        self.alive.insert(holder);
        self.record(|| Deed::Entered(holder));
    }

    /// A process has ended, and its locks with it.
    pub fn leave(&mut self, holder: HolderId) {
        self.alive.remove(&holder);
        self.record(|| Deed::Left(holder));
    }
}

/// What the judges look at.
impl Store {
    /// A grant as it is.
    pub fn grant(&self, id: GrantId) -> Option<&GrantRecord> {
        self.grants.get(&id)
    }

    /// All grants.
    pub fn grants(&self) -> impl Iterator<Item = &GrantRecord> {
        self.grants.values()
    }

    /// All attempts of a grant, of every generation.
    pub fn attempts(&self, grant: GrantId) -> impl Iterator<Item = &Attempt> {
        self.journal.get(&grant).into_iter().flat_map(BTreeMap::values)
    }

    /// All authorizations.
    pub fn authorizations(&self) -> impl Iterator<Item = &AuthorizationRecord> {
        self.authorizations.values()
    }

    /// An attempt as it stands.
    pub fn attempt(&self, id: AttemptId) -> Option<&Attempt> {
        self.journal.values().find_map(|journal| journal.get(&id))
    }

    /// An attempt of this grant as it stands.
    pub(crate) fn attempt_of(&self, grant: GrantId, id: AttemptId) -> Option<&Attempt> {
        self.journal.get(&grant)?.get(&id)
    }

    /// The clients.
    pub fn clients(&self) -> impl Iterator<Item = &ClientRecord> {
        self.clients.values().map(Arc::as_ref)
    }

    /// An authorization as it is.
    pub fn authorization(&self, id: AuthorizationId) -> Option<&AuthorizationRecord> {
        self.authorizations.get(&id)
    }

    /// All events, the oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}
