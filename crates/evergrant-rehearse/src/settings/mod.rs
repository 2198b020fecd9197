//! What a rehearsal starts with: clients, users, lifetimes. Read from TOML, or the demonstration set.

mod client;
mod rotation;
mod user;
mod wording;

use serde::{Deserialize, Serialize};

pub use client::{
    ApplicationType, AuthenticationMethod, ClientSettings, Lifetimes, RefreshTokens, TenantRefusal,
};
pub use rotation::{Ancestors, InvalidRotationPolicy, Otherwise, PolicyName, RotationPolicy};
pub use user::UserSettings;
pub use wording::Wording;

/// Everything a provider is started with.
///
/// ```
/// let settings = evergrant_rehearse::Settings::from_toml(
///     r#"
///     [[clients]]
///     client_id = "shop"
///     client_secret = "correct horse"
///     redirect_uris = ["http://127.0.0.1/callback"]
///     rotation = { policy = "P3", window_s = 30 }
///
///     [[users]]
///     username = "carol"
///     tenant = "acme"
///     "#,
/// )?;
/// assert_eq!(settings.clients[0].client_id, "shop");
/// # Ok::<(), evergrant_rehearse::InvalidSettings>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The registered clients; more can be added while it runs.
    pub clients: Vec<ClientSettings>,
    /// The people who can sign in; more can be added while it runs.
    pub users: Vec<UserSettings>,
    /// How much a refusal says in `error_description`.
    pub error_descriptions: ErrorDescriptions,
    /// A known `login_hint` signs that user in at once, without a page: for automation. `prompt=login` and
    /// `prompt=select_account` show the page nevertheless.
    pub login_hint_signs_in: bool,
    /// Entries the journal keeps before it forgets the oldest.
    pub journal_capacity: usize,
    /// The resources that may be named (RFC 8707); empty: any absolute URI.
    pub resources: Vec<String>,
}

/// How much a refusal tells the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorDescriptions {
    /// One text for every cause, as most servers do: the body alone cannot tell an expired refresh token
    /// from a revoked one. The journal can.
    Uniform,
    /// The description is the reason that the journal names.
    Named,
}

/// Why a settings file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// It is not TOML, or has a field that is unknown or of the wrong kind; the text says where.
    #[error("the settings cannot be read: {0}")]
    Syntax(String),
    /// Two clients of one name, or a client that contradicts itself.
    #[error("client `{client_id}`: {problem}")]
    Client {
        /// Which one.
        client_id: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Two users of one name, or a user without one.
    #[error("user `{username}`: {problem}")]
    User {
        /// Which one.
        username: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl Settings {
    /// Reads a settings file. Unknown fields are errors: a mistyped lifetime must not be silently the default.
    pub fn from_toml(text: &str) -> Result<Self, InvalidSettings> {
        let settings: Self =
            toml::from_str(text).map_err(|error| InvalidSettings::Syntax(error.to_string()))?;
        settings.check()?;
        Ok(settings)
    }

    /// No clients, no users: for tests that name everything they use.
    pub fn bare() -> Self {
        Self {
            clients: Vec::new(),
            users: Vec::new(),
            error_descriptions: ErrorDescriptions::Uniform,
            login_hint_signs_in: true,
            journal_capacity: 100_000,
            resources: Vec::new(),
        }
    }

    /// Refuses what contradicts itself.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        for (index, client) in self.clients.iter().enumerate() {
            client.check()?;
            if self.clients[..index].iter().any(|earlier| earlier.client_id == client.client_id) {
                return Err(client.invalid("is given twice"));
            }
        }
        for (index, user) in self.users.iter().enumerate() {
            user.check()?;
            if self.users[..index].iter().any(|earlier| earlier.username == user.username) {
                return Err(user.invalid("is given twice"));
            }
        }
        Ok(())
    }
}

impl Default for Settings {
    /// The demonstration set: clients `rehearse-basic`, `rehearse-post` and `rehearse-public` with documented
    /// secrets, users `alice` (tenant `acme`) and `bob` (tenant `globex`).
    fn default() -> Self {
        Self {
            clients: vec![
                ClientSettings::basic("rehearse-basic", "demo-secret-basic"),
                ClientSettings::post("rehearse-post", "demo-secret-post"),
                ClientSettings::public("rehearse-public"),
            ],
            users: vec![
                UserSettings::new("alice", "acme").named("Alice Example"),
                UserSettings::new("bob", "globex").named("Bob Example"),
            ],
            ..Self::bare()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_field_is_an_error_that_names_it() {
        let error = Settings::from_toml("[[clients]]\nclient_id = \"a\"\nredirect_urls = []\n").unwrap_err();
        assert!(error.to_string().contains("redirect_urls"), "{error}");
    }

    #[test]
    fn a_client_that_contradicts_itself_is_refused() {
        let error = Settings::from_toml("[[clients]]\nclient_id = \"a\"\n").unwrap_err();
        assert!(error.to_string().contains("client_secret"), "{error}");
        let twice =
            "[[clients]]\nclient_id='a'\nclient_secret='s'\n[[clients]]\nclient_id='a'\nclient_secret='s'\n";
        assert!(Settings::from_toml(twice).unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn the_example_shows_every_setting_and_its_default() {
        let text = include_str!("../../rehearse.example.toml");
        let settings = Settings::from_toml(text).unwrap();
        let bare =
            Settings { clients: settings.clients.clone(), users: settings.users.clone(), ..Settings::bare() };
        assert_eq!(settings, bare);
        assert_eq!(settings.clients[0].lifetimes, Lifetimes::default());
        assert_eq!(settings.clients[1].rotation, RotationPolicy::same_successor_within(30));
        assert_eq!(settings.clients[1].disabled_tenants["globex"], TenantRefusal::default());
        let shown = serde_json::to_value(&settings).unwrap();
        for name in shown["clients"][0]
            .as_object()
            .unwrap()
            .keys()
            .chain(shown["users"][0].as_object().unwrap().keys())
        {
            assert!(text.contains(name), "{name} is not in the example");
        }
    }

    #[test]
    fn the_demonstration_set_survives_being_written_and_read() {
        let settings = Settings::default();
        settings.check().unwrap();
        let written = toml::to_string(&settings).unwrap();
        assert_eq!(Settings::from_toml(&written).unwrap(), settings);
    }
}
