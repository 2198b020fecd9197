//! The registered clients and users, and the changes that an administrator makes to them.

use std::{collections::BTreeMap, sync::Arc};

use super::{FamilyId, Provider, Revocation, RevocationCause, Timestamp, grant::Family, secret::Digest};
use crate::settings::{ClientSettings, InvalidSettings, Settings, TenantRefusal, UserSettings};

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Nothing of this name.
    #[error("there is no {kind} `{name}`")]
    NotFound {
        /// `client`, `user`, `grant`.
        kind: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The name is taken.
    #[error("there already is a {kind} `{name}`")]
    Exists {
        /// `client` or `user`.
        kind: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The name is what other things refer to.
    #[error("a {0} cannot be renamed: add another one")]
    Renamed(&'static str),
    /// The result would contradict itself.
    #[error(transparent)]
    Invalid(#[from] InvalidSettings),
}

#[derive(Debug)]
pub(super) struct Client {
    pub(super) settings: Arc<ClientSettings>,
    /// Secrets that were right once: whoever presents one has missed its replacement.
    pub(super) former_secrets: Vec<Digest>,
}

#[derive(Debug)]
pub(super) struct Clients(BTreeMap<String, Client>);

#[derive(Debug)]
pub(super) struct Users(BTreeMap<String, UserSettings>);

impl Clients {
    pub(super) fn new(settings: &[ClientSettings]) -> Self {
        Self(settings.iter().map(|client| (client.client_id.clone(), Client::new(client.clone()))).collect())
    }

    pub(super) fn find(&self, client_id: &str) -> Option<&Client> {
        self.0.get(client_id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &ClientSettings> {
        self.0.values().map(|client| &*client.settings)
    }
}

impl Client {
    fn new(settings: ClientSettings) -> Self {
        Self { settings: Arc::new(settings), former_secrets: Vec::new() }
    }
}

impl Users {
    pub(super) fn new(settings: &[UserSettings]) -> Self {
        Self(settings.iter().map(|user| (user.username.clone(), user.clone())).collect())
    }

    pub(super) fn find(&self, username: &str) -> Option<&UserSettings> {
        self.0.get(username)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &UserSettings> {
        self.0.values()
    }
}

/// Changes to clients.
impl Provider {
    /// The registered clients.
    pub fn clients(&self) -> impl Iterator<Item = &ClientSettings> {
        self.clients.all()
    }

    /// Registers a client.
    pub fn add_client(&mut self, client: ClientSettings) -> Result<(), ChangeError> {
        client.check()?;
        if self.clients.find(&client.client_id).is_some() {
            return Err(ChangeError::Exists { kind: "client", name: client.client_id });
        }
        self.clients.0.insert(client.client_id.clone(), Client::new(client));
        Ok(())
    }

    /// Changes a client's registration; its grants stay. A replaced secret is remembered as a former one.
    pub fn change_client(
        &mut self,
        client_id: &str,
        change: impl FnOnce(&mut ClientSettings),
    ) -> Result<(), ChangeError> {
        let client =
            self.clients.0.get_mut(client_id).ok_or_else(|| ChangeError::not_found("client", client_id))?;
        let mut changed = ClientSettings::clone(&client.settings);
        change(&mut changed);
        changed.check()?;
        if changed.client_id != client_id {
            return Err(ChangeError::Renamed("client"));
        }
        if changed.client_secret != client.settings.client_secret {
            client.former_secrets.extend(client.settings.client_secret.as_deref().map(Digest::of));
        }
        client.settings = Arc::new(changed);
        Ok(())
    }

    /// Deletes a client and ends its grants.
    pub fn remove_client(&mut self, client_id: &str, now: Timestamp) -> Result<Vec<Revocation>, ChangeError> {
        self.clients.0.remove(client_id).ok_or_else(|| ChangeError::not_found("client", client_id))?;
        Ok(self.revoke_all(RevocationCause::ClientDeleted, now, |family| family.client_id == client_id))
    }

    /// The administrator of a tenant switches a client off: its other users go on. `refusal` is what theirs get.
    pub fn disable_client_for_tenant(
        &mut self,
        client_id: &str,
        tenant: &str,
        refusal: TenantRefusal,
    ) -> Result<(), ChangeError> {
        self.change_client(client_id, |client| {
            client.disabled_tenants.insert(tenant.into(), refusal);
        })
    }

    /// The administrator of a tenant switches a client on again.
    pub fn enable_client_for_tenant(&mut self, client_id: &str, tenant: &str) -> Result<(), ChangeError> {
        self.change_client(client_id, |client| {
            client.disabled_tenants.remove(tenant);
        })
    }
}

/// Changes to users.
impl Provider {
    /// The users.
    pub fn users(&self) -> impl Iterator<Item = &UserSettings> {
        self.users.all()
    }

    /// Adds a user.
    pub fn add_user(&mut self, user: UserSettings) -> Result<(), ChangeError> {
        user.check()?;
        if self.users.find(&user.username).is_some() {
            return Err(ChangeError::Exists { kind: "user", name: user.username });
        }
        self.users.0.insert(user.username.clone(), user);
        Ok(())
    }

    /// Changes a user; the grants stay, but those of a disabled user do not work.
    pub fn change_user(
        &mut self,
        username: &str,
        change: impl FnOnce(&mut UserSettings),
    ) -> Result<(), ChangeError> {
        let user = self.users.0.get_mut(username).ok_or_else(|| ChangeError::not_found("user", username))?;
        let mut changed = user.clone();
        change(&mut changed);
        changed.check()?;
        if changed.username != username {
            return Err(ChangeError::Renamed("user"));
        }
        *user = changed;
        Ok(())
    }

    /// Deletes a user and ends the user's grants.
    pub fn remove_user(&mut self, username: &str, now: Timestamp) -> Result<Vec<Revocation>, ChangeError> {
        self.users.0.remove(username).ok_or_else(|| ChangeError::not_found("user", username))?;
        Ok(self.revoke_all(RevocationCause::UserDeleted, now, |family| family.username == username))
    }

    /// The user's password changes: ends the grants, except of the clients that survive it.
    pub fn change_password(
        &mut self,
        username: &str,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, ChangeError> {
        self.users.find(username).ok_or_else(|| ChangeError::not_found("user", username))?;
        let survivors = self.clients.all().filter(|client| client.survives_password_change);
        let survivors: Vec<_> = survivors.map(|client| client.client_id.clone()).collect();
        Ok(self.revoke_all(RevocationCause::PasswordChanged, now, |family| {
            family.username == username && !survivors.contains(&family.client_id)
        }))
    }

    /// Ends all grants of a user for a reason of the provider's own: a session that ended, something suspicious.
    pub fn end_grants_of_user(
        &mut self,
        username: &str,
        cause: RevocationCause,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, ChangeError> {
        self.users.find(username).ok_or_else(|| ChangeError::not_found("user", username))?;
        Ok(self.revoke_all(cause, now, |family| family.username == username))
    }

    /// The user withdraws the consent, for one client or for all.
    pub fn revoke_consent(
        &mut self,
        username: &str,
        client_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, ChangeError> {
        self.users.find(username).ok_or_else(|| ChangeError::not_found("user", username))?;
        self.sessions.withdraw_consent(username, client_id);
        Ok(self.revoke_all(RevocationCause::UserRevoked, now, |family| {
            family.username == username && client_id.is_none_or(|client_id| family.client_id == client_id)
        }))
    }
}

/// Changes to grants.
impl Provider {
    /// The administrator ends a family.
    pub fn revoke_family(&mut self, id: FamilyId, now: Timestamp) -> Result<Vec<Revocation>, ChangeError> {
        self.grants.family(id).ok_or_else(|| ChangeError::not_found("grant", &id.0.to_string()))?;
        Ok(self.revoke_all(RevocationCause::Administrator, now, |family| family.id == id))
    }

    pub(super) fn revoke_all(
        &mut self,
        cause: RevocationCause,
        now: Timestamp,
        condition: impl Fn(&Family) -> bool,
    ) -> Vec<Revocation> {
        let ended = self.grants.live(condition);
        for &family in &ended {
            self.grants.revoke(family, cause, now);
        }
        ended.into_iter().map(|family| Revocation { family, cause }).collect()
    }
}

impl ChangeError {
    pub(super) fn not_found(kind: &'static str, name: &str) -> Self {
        Self::NotFound { kind, name: name.into() }
    }
}

impl Settings {
    /// The client of this id.
    pub fn client(&self, client_id: &str) -> Option<&ClientSettings> {
        self.clients.iter().find(|client| client.client_id == client_id)
    }
}
