//! A registered client.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{InvalidSettings, RotationPolicy, Wording};
use crate::provider::Reason;

/// A client's registration.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of a registration, each with its name"
)]
pub struct ClientSettings {
    /// The `client_id`.
    pub client_id: String,
    /// The `client_secret`; none for a public client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// How the client authenticates at the token endpoint.
    #[serde(default)]
    pub authentication: AuthenticationMethod,
    /// Whether loopback redirects may use any port (RFC 8252 7.3); by default what the authentication suggests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_type: Option<ApplicationType>,
    /// Compared exactly, as RFC 9700 2.1 demands.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// The scopes this client may ask for; empty: any.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether an authorization request without PKCE is refused. A challenge other than S256 always is.
    #[serde(default = "yes")]
    pub requires_pkce: bool,
    /// When a refresh token is issued.
    #[serde(default)]
    pub refresh_tokens: RefreshTokens,
    /// What happens when a refresh token is used again.
    #[serde(default)]
    pub rotation: RotationPolicy,
    /// How long things live.
    #[serde(default)]
    pub lifetimes: Lifetimes,
    /// A refresh ends the access tokens that the grant had, as at some providers.
    #[serde(default)]
    pub refresh_ends_access_tokens: bool,
    /// A change of the password leaves this client's grants alone, as at Entra for confidential clients.
    #[serde(default)]
    pub survives_password_change: bool,
    /// Token requests may come as a GET with their parameters in the query, as at WeChat and Meta.
    #[serde(default)]
    pub takes_queries: bool,
    /// Live grants per user; one more silently ends the oldest, as at Google (100) or Salesforce (5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants_per_user: Option<usize>,
    /// A disabled client is refused with `invalid_client` until it is enabled again.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The tenants whose administrators have switched this client off, and what their users' requests get.
    #[serde(default)]
    pub disabled_tenants: BTreeMap<String, TenantRefusal>,
    /// How refusals are worded to this client, by the name of the reason in the journal
    /// (`family_revoked:password_changed`): the dialects of real providers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wordings: BTreeMap<String, Wording>,
}

/// How a client proves who it is (the names of RFC 7591 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticationMethod {
    /// HTTP Basic, both parts form-encoded first (RFC 6749 2.3.1).
    #[default]
    ClientSecretBasic,
    /// In the body.
    ClientSecretPost,
    /// A public client: `client_id` alone.
    None,
}

/// What kind of application the client is (OpenID Connect Dynamic Client Registration 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// Redirects match to the last character.
    Web,
    /// The port of a loopback redirect may differ: it is chosen when the application starts.
    Native,
}

/// When a refresh token is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshTokens {
    /// If the scope holds `offline_access`.
    #[default]
    OfflineAccess,
    /// Whenever a user is involved.
    Always,
    /// Never.
    Never,
}

/// How long things live, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lifetimes {
    /// Access tokens.
    pub access_token_s: u64,
    /// A refresh token that is not used.
    pub refresh_idle_s: Option<u64>,
    /// A refresh token, however often it is used.
    pub refresh_absolute_s: Option<u64>,
    /// Whether the absolute lifetime starts anew at each rotation (Spring, rauthy) or stays anchored at the
    /// authorization (Dex, Zitadel, Auth0).
    pub refresh_absolute_restarts: bool,
    /// Authorization codes; at most 600 (RFC 6749 4.1.2).
    pub code_s: u64,
    /// Device codes.
    pub device_code_s: u64,
    /// The pause between polls that the device flow demands.
    pub device_interval_s: u64,
    /// Whether token responses announce `refresh_token_expires_in`.
    pub announces_refresh_lifetime: bool,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token_s: 300,
            refresh_idle_s: Some(30 * 86_400),
            refresh_absolute_s: Some(365 * 86_400),
            refresh_absolute_restarts: false,
            code_s: 60,
            device_code_s: 600,
            device_interval_s: 5,
            announces_refresh_lifetime: false,
        }
    }
}

/// What the users of a tenant get that has switched a client off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantRefusal {
    /// The OAuth error code.
    pub error: String,
    /// The text for people; the dialects of real providers differ.
    pub description: String,
}

impl Default for TenantRefusal {
    fn default() -> Self {
        Self {
            error: "unauthorized_client".into(),
            description: "the administrator of the user's organization has disabled this application".into(),
        }
    }
}

fn yes() -> bool {
    true
}

/// Where clients usually listen for the redirect. The port of each may differ, the rest may not.
const LOOPBACK_REDIRECTS: [&str; 10] = [
    "http://127.0.0.1/",
    "http://127.0.0.1/callback",
    "http://127.0.0.1/cb",
    "http://127.0.0.1/auth/callback",
    "http://127.0.0.1/oauth/callback",
    "http://[::1]/callback",
    "http://localhost/",
    "http://localhost/callback",
    "http://localhost/auth/callback",
    "http://localhost/oauth/callback",
];

impl ClientSettings {
    /// A confidential client that authenticates with HTTP Basic, with loopback redirects on any port.
    pub fn basic(client_id: &str, client_secret: &str) -> Self {
        Self { client_secret: Some(client_secret.into()), ..Self::loopback(client_id) }
    }

    /// A confidential client that authenticates in the body, with loopback redirects on any port.
    pub fn post(client_id: &str, client_secret: &str) -> Self {
        let authentication = AuthenticationMethod::ClientSecretPost;
        Self { authentication, ..Self::basic(client_id, client_secret) }
    }

    /// A public client, with loopback redirects on any port.
    pub fn public(client_id: &str) -> Self {
        Self { authentication: AuthenticationMethod::None, ..Self::loopback(client_id) }
    }

    fn loopback(client_id: &str) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: None,
            authentication: AuthenticationMethod::default(),
            application_type: Some(ApplicationType::Native),
            redirect_uris: LOOPBACK_REDIRECTS.map(String::from).to_vec(),
            scopes: Vec::new(),
            requires_pkce: true,
            refresh_tokens: RefreshTokens::default(),
            rotation: RotationPolicy::default(),
            lifetimes: Lifetimes::default(),
            refresh_ends_access_tokens: false,
            survives_password_change: false,
            takes_queries: false,
            grants_per_user: None,
            enabled: true,
            disabled_tenants: BTreeMap::new(),
            wordings: BTreeMap::new(),
        }
    }

    /// This client with another rotation policy.
    #[must_use]
    pub fn rotating(mut self, rotation: impl Into<RotationPolicy>) -> Self {
        self.rotation = rotation.into();
        self
    }

    /// This client with other lifetimes.
    #[must_use]
    pub fn living(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// This client with other words for the refusals of one reason, by the reason's name in the journal.
    #[must_use]
    pub fn worded(mut self, reason: &str, error: &str, description: &str) -> Self {
        let wording = Wording { error: Some(error.into()), description: description.into() };
        self.wordings.insert(reason.into(), wording);
        self
    }

    /// The kind of application, given or concluded: a public client is a native one.
    pub fn application_type(&self) -> ApplicationType {
        self.application_type.unwrap_or(match self.authentication {
            AuthenticationMethod::None => ApplicationType::Native,
            _ => ApplicationType::Web,
        })
    }

    pub(crate) fn check(&self) -> Result<(), InvalidSettings> {
        let public = self.authentication == AuthenticationMethod::None;
        if self.client_id.is_empty() {
            return Err(self.invalid("`client_id` must not be empty"));
        }
        match (&self.client_secret, public) {
            (None, false) => {
                Err(self
                    .invalid("needs a `client_secret`, or `authentication = \"none\"` for a public client"))
            }
            (Some(_), true) => Err(self.invalid("is public: remove `client_secret` or its `authentication`")),
            (Some(secret), false) if secret.is_empty() => {
                Err(self.invalid("`client_secret` must not be empty"))
            }
            _ => self.check_values(),
        }
    }

    fn check_values(&self) -> Result<(), InvalidSettings> {
        if let Some(unfit) = self.redirect_uris.iter().find(|uri| !is_redirect_uri(uri)) {
            let problem = format!("`{unfit}` is no redirect URI: absolute, without fragment");
            return Err(self.invalid(&problem));
        }
        if self.lifetimes.code_s > 600 {
            return Err(self.invalid("`code_s` must not exceed 600 (RFC 6749 4.1.2)"));
        }
        if let Some(unknown) = self.wordings.keys().find(|name| !Reason::is_name(name)) {
            let problem = format!("`wordings` has `{unknown}`, which is no reason that the journal names");
            return Err(self.invalid(&problem));
        }
        Ok(())
    }

    pub(crate) fn invalid(&self, problem: &str) -> InvalidSettings {
        InvalidSettings::Client { client_id: self.client_id.clone(), problem: problem.into() }
    }
}

/// RFC 6749 3.1.2: an absolute URI without fragment. A scheme that a browser would execute is none either.
fn is_redirect_uri(text: &str) -> bool {
    let executable = ["javascript", "data", "vbscript"];
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    // The parser would pass over line breaks and blanks, the Location header would not.
    printable
        && Url::parse(text).is_ok_and(|url| url.fragment().is_none() && !executable.contains(&url.scheme()))
}

impl fmt::Debug for ClientSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientSettings")
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret.as_ref().map(|_| "***"))
            .field("authentication", &self.authentication)
            .field("rotation", &self.rotation)
            .field("lifetimes", &self.lifetimes)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}
