//! Grants from outside and their end, and the client.

use std::time::Duration;

use evergrant_proto::{
    grant::{AccessKey, Owner},
    name::{GrantId, Namespace},
    provider::{RotationKind, RotationPolicy},
    scope::ScopeSet,
    transaction::{Command, ConfirmRevocation, Import, PutClient, Revoke},
};

use super::{World, duration, party::client};

impl World {
    pub(super) fn import(&mut self, grant: u8, tokens: u8) {
        let known = self.grant(grant).filter(|_| tokens.is_multiple_of(2)).map(|grant| grant.id);
        let held_elsewhere = self.tables.grants.values().find_map(|grant| grant.credential.clone());
        let refresh_token = match held_elsewhere {
            Some(held) if tokens & 4 != 0 => held.refresh_token,
            _ => self.refresh_token(),
        };
        let access = (tokens & 2 != 0).then(|| self.access_entry(tokens, AccessKey::default()));
        let import = Import {
            grant: known.unwrap_or_else(|| GrantId(self.number().into())),
            namespace: Namespace::default(),
            client: self.client().name.clone(),
            owner: Owner::default(),
            scopes: ScopeSet::default(),
            refresh_token,
            refresh_expires_at: None,
            obtained_at: None,
            access,
            wall: self.wall,
        };
        if self.tables.grants.len() < 4 || known.is_some() {
            let _ = self.execute(&Command::Import(Box::new(import)));
        }
    }

    pub(super) fn revoke(&mut self, grant: u8, process: u8, flags: u8) {
        let Some(grant) = self.grant(grant) else { return };
        let holder = self.process(process);
        let (force, remove) = (flags & 1 != 0, flags & 2 != 0);
        let revoke = Revoke { grant: grant.id, holder, force, remove, wall: self.wall };
        let _ = self.execute(&Command::Revoke(revoke));
    }

    pub(super) fn confirm(&mut self, grant: u8, answer: u8) {
        let Some(grant) = self.grant(grant) else { return };
        let held = grant.credential.as_ref().map(|held| held.generation);
        let confirm = ConfirmRevocation {
            grant: grant.id,
            credential: if answer & 2 == 0 { held } else { None },
            retry_at: (answer & 1 != 0).then(|| self.wall.plus(duration(answer / 4))),
            wall: self.wall,
        };
        let _ = self.execute(&Command::ConfirmRevocation(confirm));
    }

    pub(super) fn put_client(&mut self, policy: u8) {
        let kinds = [
            RotationKind::ReplayRevokes,
            RotationKind::GraceSame,
            RotationKind::LongOverlap,
            RotationKind::Unknown,
            RotationKind::Reusable,
            RotationKind::OneTime,
            RotationKind::GraceNew,
            RotationKind::LatestWins,
            RotationKind::UntilSuccessorUsed,
        ];
        let kind = kinds[usize::from(policy) % kinds.len()];
        let window = (!policy.is_multiple_of(3))
            .then(|| Duration::from_secs(if policy.is_multiple_of(2) { 30 } else { 3600 }));
        let rotation = RotationPolicy { kind, window, ..RotationPolicy::default() };
        let replaces = self.tables.client.as_ref().map(|client| client.version);
        let put = PutClient { record: client(rotation, self.wall), replaces, wall: self.wall };
        self.execute(&Command::PutClient(Box::new(put))).expect("nobody else changes the client");
    }
}
