//! A resource owner.

use serde::{Deserialize, Serialize};

use super::InvalidSettings;

/// Somebody who can sign in. There are no passwords: a rehearsal is not a place for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSettings {
    /// What `login_hint` names and the login page shows.
    pub username: String,
    /// The `sub` claim; by default the user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The `name` claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The `email` claim; by default `<username>@<tenant>.example`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The organization the user belongs to: the `tid` claim.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// A disabled user keeps the grants, but none of them works until the user is enabled again.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// A policy demands a further factor: what the user granted does not work until it is no longer demanded.
    #[serde(default)]
    pub step_up_required: bool,
}

fn default_tenant() -> String {
    "default".into()
}

fn enabled() -> bool {
    true
}

impl UserSettings {
    /// A user of a tenant.
    pub fn new(username: &str, tenant: &str) -> Self {
        Self {
            username: username.into(),
            subject: None,
            name: None,
            email: None,
            tenant: tenant.into(),
            enabled: true,
            step_up_required: false,
        }
    }

    /// This user with a name for people.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The `sub` claim.
    pub fn subject(&self) -> &str {
        self.subject.as_deref().unwrap_or(&self.username)
    }

    /// The name for people.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.username)
    }

    /// The `email` claim.
    pub fn email(&self) -> String {
        self.email.clone().unwrap_or_else(|| format!("{}@{}.example", self.username, self.tenant))
    }

    pub(crate) fn check(&self) -> Result<(), InvalidSettings> {
        if self.username.is_empty() || self.tenant.is_empty() {
            Err(self.invalid("`username` and `tenant` must not be empty"))
        } else {
            Ok(())
        }
    }

    pub(crate) fn invalid(&self, problem: &'static str) -> InvalidSettings {
        InvalidSettings::User { username: self.username.clone(), problem }
    }
}
