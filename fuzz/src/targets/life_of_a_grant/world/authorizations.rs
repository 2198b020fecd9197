//! Links, and where they lead.

use evergrant_proto::{
    authorization::{AuthorizationRecord, AuthorizationStatus, LINK_LIFETIME},
    grant::{AccessKey, Owner},
    name::{AttemptId, AuthorizationId, GrantId, Namespace},
    scope::ScopeSet,
    transaction::{
        Block, Command, Complete, Conflict, FailAuthorization, JournalExchange, OpenAuthorization, Reply,
        deadlines,
    },
    wire::redirect_uri::RedirectUri,
};

use super::World;

impl World {
    pub(super) fn open(&mut self, grant: u8) {
        let record = AuthorizationRecord {
            id: AuthorizationId(self.number().into()),
            namespace: Namespace::default(),
            client: self.client().name.clone(),
            grant: self.grant(grant).filter(|_| grant < 8).map(|grant| grant.id),
            always_new: grant >= 16,
            result: None,
            owner: Owner::default(),
            scopes: ScopeSet::default(),
            resources: Vec::new(),
            redirect_uri: RedirectUri::new("http://127.0.0.1:5000/callback").expect("a valid address"),
            return_url: None,
            login_hint: None,
            status: AuthorizationStatus::Open,
            created_at: self.wall,
            expires_at: self.wall.plus(LINK_LIFETIME),
            state: None,
            verifier: None,
        };
        if self.tables.authorizations.len() < 8 {
            let _ = self.execute(&Command::OpenAuthorization(Box::new(OpenAuthorization { record })));
        }
    }

    pub(super) fn authorization(&self, number: u8) -> Option<&AuthorizationRecord> {
        let count = self.tables.authorizations.len().max(1);
        self.tables.authorizations.values().nth(usize::from(number) % count)
    }

    pub(super) fn block(&mut self, grant: u8, process: u8) {
        let Some(grant) = self.grant(grant) else { return };
        let holder = self.process(process);
        let duration = deadlines::EXCHANGE_WAIT + deadlines::FLIGHT;
        let _ = self.execute(&Command::Block(Block { grant: grant.id, holder, duration }));
    }

    pub(super) fn journal(&mut self, authorization: u8, process: u8) {
        let Some(authorization) = self.authorization(authorization).map(|record| record.id) else { return };
        let (holder, attempt) = (self.process(process), AttemptId(self.number().into()));
        let journal = JournalExchange { authorization, attempt, holder, wall: self.wall };
        if self.execute(&Command::JournalExchange(journal.clone())).is_ok() {
            // In doubt, it is executed again; anybody else finds the link used.
            assert!(self.execute(&Command::JournalExchange(journal.clone())).is_ok(), "not idempotent");
            let other = JournalExchange { attempt: AttemptId(self.number().into()), ..journal };
            assert_eq!(self.execute(&Command::JournalExchange(other)), Err(Conflict::LinkUsed));
        }
    }

    pub(super) fn complete(&mut self, authorization: u8, subject: u8, tokens: u8) {
        let Some(record) = self.authorization(authorization) else { return };
        let AuthorizationStatus::Exchanging(exchange) = record.status else { return };
        let authorization = record.id;
        let subjects = [Some("alice"), Some("bob"), None];
        let complete = Complete {
            authorization,
            attempt: exchange.attempt,
            new_grant: GrantId(self.number().into()),
            issued: self.issue(tokens, AccessKey::default()),
            subject: subjects[usize::from(subject) % subjects.len()].map(str::to_owned),
            tenant: None,
            wall: self.wall,
        };
        let command = Command::Complete(Box::new(complete));
        if let Ok(Reply::Connected(connected)) = self.execute(&command) {
            let held = |world: &Self| world.tables.grant(connected.grant.id, None);
            let first = held(self);
            assert!(matches!(self.execute(&command), Ok(Reply::Connected(_))), "not idempotent");
            assert_eq!(held(self), first, "a code counts twice");
        }
    }

    pub(super) fn fail(&mut self, authorization: u8) {
        let Some(authorization) = self.authorization(authorization).map(|record| record.id) else { return };
        let fail = FailAuthorization {
            authorization,
            reason: "a reason".to_owned(),
            diagnosis: None,
            wall: self.wall,
        };
        let _ = self.execute(&Command::FailAuthorization(fail));
    }
}
