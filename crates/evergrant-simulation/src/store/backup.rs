//! Tables that are older than the world: backups and copies, and how the host notices (`evergrant-store`'s anchor).

use std::{collections::BTreeMap, sync::Arc};

use evergrant_proto::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    grant::{Attempt, Event, GrantRecord},
    name::{AttemptId, AuthorizationId, ClientName, GrantId, Namespace},
};

use super::Store;

/// How far tables have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    pub(super) epoch: u64,
    pub(super) change: u64,
}

/// All tables at one moment, as an operator keeps them.
#[derive(Debug, Clone)]
pub struct Backup {
    grants: BTreeMap<GrantId, GrantRecord>,
    clients: BTreeMap<(Namespace, ClientName), Arc<ClientRecord>>,
    authorizations: BTreeMap<AuthorizationId, AuthorizationRecord>,
    journal: BTreeMap<GrantId, BTreeMap<AttemptId, Attempt>>,
    events: Vec<Event>,
    mark: Mark,
    quarantined: bool,
    adoptions: u64,
}

impl Store {
    /// The tables as they are. The lifeboat and the anchor are files of the host, and no part of them.
    pub fn back_up(&self) -> Backup {
        Backup {
            grants: self.grants.clone(),
            clients: self.clients.clone(),
            authorizations: self.authorizations.clone(),
            journal: self.journal.clone(),
            events: self.events.clone(),
            mark: self.mark,
            quarantined: self.quarantined,
            adoptions: self.adoptions,
        }
    }

    /// Puts old tables in the place of the newer ones. Whoever opens them first notices: a process, or an operator's command.
    pub fn restore(&mut self, backup: Backup) {
        let Backup { grants, clients, authorizations, journal, events, mark, quarantined, adoptions } =
            backup;
        (self.grants, self.clients, self.authorizations) = (grants, clients, authorizations);
        (self.journal, self.events, self.mark) = (journal, events, mark);
        (self.quarantined, self.adoptions) = (quarantined, adoptions);
        self.open();
    }

    /// The tables are carried to another host: the lifeboat and the anchor stay behind.
    pub fn carry_away(&mut self) {
        self.lifeboat.clear();
        self.quarantined = true;
    }

    /// A process opens the tables: if they are not as far as the anchor remembers, they are quarantined.
    pub fn open(&mut self) {
        self.quarantined |= self.anchor.change > self.mark.change || self.anchor.epoch != self.mark.epoch;
    }

    /// The operator takes these tables for the ones that count. Returns whether they were quarantined.
    pub fn adopt(&mut self) -> bool {
        if !std::mem::take(&mut self.quarantined) {
            return false;
        }
        self.last_epoch += 1;
        self.mark.epoch = self.last_epoch;
        self.adoptions += 1;
        self.anchor = self.mark;
        true
    }

    /// Something was written.
    pub(super) fn advance(&mut self) {
        self.mark.change += 1;
        if self.anchor.epoch == self.mark.epoch && !self.quarantined {
            self.anchor.change = self.anchor.change.max(self.mark.change);
        }
    }
}
