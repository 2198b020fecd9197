//! One command: load what it names, apply it, write what changed.

use std::{collections::BTreeSet, sync::Arc};

use evergrant_proto::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    grant::{GrantRecord, StoreTime},
    name::{GrantId, HolderId},
    transaction::{Change, Command, Loaded, Reply, apply},
};
use rusqlite::Connection;

use super::{
    authorizations,
    clients::{self, ClientCache},
    events,
    grant_cache::GrantCache,
    grants,
    identity::Identity,
    imports,
    scout::Sighting,
};
use crate::{
    anchor::{Epoch, StoreId},
    key::KeyRing,
    lifeboat::Lifeboat,
    presence::Presence,
    store::{Reason, StoreError, Unavailable},
};

/// What a command meets besides the database.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) keys: &'a KeyRing,
    pub(super) presence: &'a Presence,
    pub(super) lifeboat: &'a Lifeboat,
    pub(super) store: StoreId,
    pub(super) epoch: Epoch,
    pub(super) now: StoreTime,
    pub(super) quarantined: bool,
    pub(super) adoptions: u64,
}

impl<'a> Surroundings<'a> {
    pub(super) fn new(
        keys: &'a KeyRing,
        presence: &'a Presence,
        lifeboat: &'a Lifeboat,
        identity: &Identity,
        now: StoreTime,
    ) -> Self {
        Self {
            keys,
            presence,
            lifeboat,
            store: identity.store,
            epoch: identity.epoch,
            now,
            quarantined: identity.quarantine.is_some(),
            adoptions: identity.adoptions,
        }
    }
}

struct Subjects {
    grant: Option<GrantRecord>,
    client: Option<Arc<ClientRecord>>,
    authorization: Option<AuthorizationRecord>,
}

/// What the writer remembers between commands.
#[derive(Debug, Default)]
pub(super) struct Caches {
    clients: ClientCache,
    grants: GrantCache,
}

impl Caches {
    /// Others may have written since the last transaction.
    pub(super) fn disturb(&mut self) {
        self.clients.disturb();
        self.grants.disturb();
    }

    /// Keeps a grant that was read ahead.
    pub(super) fn expect(&mut self, sighting: Sighting) {
        self.grants.expect(sighting);
    }

    /// Forgets everything: what a transaction wrote that was rolled back may be in here, and its numbers are given
    /// out again.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What a command is going to write.
#[derive(Debug)]
pub(super) struct Decided {
    loaded: Loaded,
    change: Change,
}

/// The type of [`decide`].
pub(super) type Decide =
    fn(&Connection, &Surroundings<'_>, &mut Caches, &Command) -> Result<Decided, StoreError>;

/// Decides what a command does. Writes nothing: an error here leaves the transaction as it was.
pub(super) fn decide(
    connection: &Connection,
    surroundings: &Surroundings<'_>,
    caches: &mut Caches,
    command: &Command,
) -> Result<Decided, StoreError> {
    let subjects = load(connection, surroundings.keys, caches, command)?;
    let named = command.subjects().grant.or(subjects.grant.as_ref().map(|grant| grant.id));
    let loaded = Loaded {
        ended_holders: match &subjects.grant {
            Some(grant) => ended_holders(surroundings, grant)?,
            None => BTreeSet::new(),
        },
        held_by: match command.brings() {
            Some(token) => match grants::holder_of(connection, surroundings.keys, token, named)? {
                None => imports::brought_to(connection, surroundings.keys, token, named)?,
                holder => holder,
            },
            None => None,
        },
        recent: match &subjects.grant {
            Some(grant) if command.looks_around() => events::recent(connection, &grant.namespace)?,
            _ => Vec::new(),
        },
        grant: subjects.grant,
        client: subjects.client,
        authorization: subjects.authorization,
        now: surroundings.now,
        quarantined: surroundings.quarantined,
        adoptions: surroundings.adoptions,
    };
    let change = apply(&loaded, command)?;
    Ok(Decided { loaded, change })
}

fn load(
    connection: &Connection,
    keys: &KeyRing,
    caches: &mut Caches,
    command: &Command,
) -> Result<Subjects, StoreError> {
    let named = command.subjects();
    let authorization = match named.authorization {
        Some(id) => authorizations::find(connection, keys, id)?,
        None => None,
    };
    let id = match (named.grant, &authorization) {
        (Some(id), _) => Some(id),
        (None, Some(record)) => grant_of(connection, keys, record, command)?,
        (None, None) => None,
    };
    let grant = match id {
        Some(id) => caches.grants.load(connection, keys, id, command.attempt())?,
        None => None,
    };
    let name = named
        .client
        .or_else(|| grant.as_ref().map(|held| (held.namespace.clone(), held.client.clone())))
        .or_else(|| authorization.as_ref().map(|record| (record.namespace.clone(), record.client.clone())));
    let client = match name {
        Some((namespace, name)) => caches.clients.load(connection, keys, &namespace, &name)?,
        None => None,
    };
    Ok(Subjects { grant, client, authorization })
}

/// The grant that an authorization leads to: the one it has led to already, the one it was made for, the one that holds
/// the refresh token that it has brought, or the one that the same account has given to the same client before, unless that is known to be another person's.
fn grant_of(
    connection: &Connection,
    keys: &KeyRing,
    record: &AuthorizationRecord,
    command: &Command,
) -> Result<Option<GrantId>, StoreError> {
    if let Some(id) = record.result.or(record.grant) {
        return Ok(Some(id));
    }
    let Command::Complete(complete) = command else { return Ok(None) };
    // A provider that gives the same refresh token again has one authorization: two grants would rotate it against each
    // other.
    if let Some(token) = &complete.issued.refresh_token
        && let Some(held) = grants::of_token(connection, keys, &record.namespace, &record.client, token)?
    {
        return Ok(Some(held));
    }
    match &complete.subject {
        Some(subject) if !record.always_new => {
            let person = record.owner.external_id.as_deref();
            grants::of_account(connection, &record.namespace, &record.client, subject, person)
        }
        _ => Ok(None),
    }
}

/// Of the processes that may still change the fate of this grant: those that have ended and left nothing in the
/// lifeboat.
fn ended_holders(
    surroundings: &Surroundings<'_>,
    grant: &GrantRecord,
) -> Result<BTreeSet<HolderId>, StoreError> {
    let open = grant.attempts.iter().filter(|attempt| attempt.is_open()).map(|attempt| attempt.holder);
    let holders: BTreeSet<_> = grant.lease.map(|lease| lease.holder).into_iter().chain(open).collect();
    let mut ended = BTreeSet::new();
    for holder in holders {
        if has_ended(surroundings, holder)? {
            ended.insert(holder);
        }
    }
    Ok(ended)
}

fn has_ended(surroundings: &Surroundings<'_>, holder: HolderId) -> Result<bool, StoreError> {
    let alive =
        surroundings.presence.is_alive(holder).map_err(|fault| Unavailable::new(Reason::Denied, fault))?;
    // In this order: while it lived, it could have left something after we looked.
    Ok(!alive && !surroundings.lifeboat.holds_record_of(holder, surroundings.store, surroundings.epoch)?)
}

impl Decided {
    /// Writes it as the change of that number; returns what to tell the one who asked. After an error the
    /// transaction has to be rolled back.
    pub(super) fn write(
        self,
        connection: &Connection,
        keys: &KeyRing,
        caches: &mut Caches,
        number: u64,
    ) -> Result<Reply, StoreError> {
        let Change { grant, client, authorization, events, resume, closes_links_of, reply } = self.change;
        if let Some((namespace, client)) = &resume {
            // Before the grant of the command is written: it knows its own schedule.
            grants::resume(connection, namespace, client, number)?;
            caches.grants.disturb();
        }
        if let Some(grant) = grant {
            let before = self.loaded.grant.as_ref().filter(|before| before.id == grant.id);
            grants::save(connection, keys, before, &grant, number)?;
            caches.grants.keep(grant, number);
        }
        if let Some(client) = &client {
            clients::save(connection, keys, client, number)?;
            caches.clients.forget(client);
        }
        if let Some(authorization) = &authorization {
            authorizations::save(connection, keys, authorization)?;
        }
        if let Some(grant) = closes_links_of {
            let newest = authorization.as_ref().map(|authorization| authorization.id);
            authorizations::close_links(connection, keys, grant, newest)?;
        }
        events.iter().try_for_each(|event| events::append(connection, event))?;
        Ok(reply)
    }
}
