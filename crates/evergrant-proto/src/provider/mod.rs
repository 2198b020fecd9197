//! The catalogue: what is known of each authorization server, as data.

pub mod catalogue;
mod check;
pub mod dialect;
pub mod endpoints;
pub mod knowledge;
mod place;
pub mod rotation;
mod seconds;
pub mod signature;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub use self::{
    catalogue::{Catalogue, InvalidCatalogue, Mistake},
    check::Defect,
    dialect::{ClientInRefresh, Dialect, RefreshDialect, RenewedBy, ShortLived, TokenMethod},
    endpoints::{Endpoints, InvalidEndpoint, PLACEHOLDERS, ProviderEndpoints, Template},
    knowledge::{Confidence, Knowledge, Verification},
    rotation::{Ancestors, ReplayRevokes, RotationKind, RotationPolicy},
    signature::{ContentType, Meaning, Signature},
};
use crate::{diagnosis::Cause, scope::ScopeSet, wire::client_authentication::AuthenticationMethod};

/// One authorization server, or the product that many of them run. A file of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Short name: the name of its file.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Its issuer identifier (RFC 8414 2), maybe with placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Template>,
    /// Its endpoints, maybe with placeholders.
    #[serde(default)]
    pub endpoints: ProviderEndpoints,
    /// How clients register and authenticate.
    #[serde(default)]
    pub client: ClientFacts,
    /// How an authorization brings a refresh token.
    #[serde(default)]
    pub offline: OfflineAccess,
    /// How long things live when the response does not say.
    #[serde(default)]
    pub lifetimes: Lifetimes,
    /// What becomes of a refresh token that was used.
    #[serde(default)]
    pub rotation: RotationPolicy,
    /// Limits on refreshing.
    #[serde(default)]
    pub refresh: RefreshFacts,
    /// What a revocation ends.
    #[serde(default)]
    pub revocation: RevocationFacts,
    /// Where its messages depart from the RFCs.
    #[serde(default)]
    pub dialect: Dialect,
    /// Pages for people.
    #[serde(default)]
    pub pages: Pages,
    /// By what it is recognized.
    #[serde(default)]
    pub recognition: Recognition,
    /// How much of this is known, and whence.
    #[serde(default)]
    pub knowledge: Knowledge,
}

impl Provider {
    /// A provider of which nothing is known but its standards: rotation policy unknown, RFC 6749 dialect.
    pub fn generic() -> Self {
        static GENERIC: LazyLock<Provider> = LazyLock::new(|| {
            toml::from_str(include_str!("../../../../catalogue/generic.toml")).expect("a test parses it")
        });
        GENERIC.clone()
    }

    /// The names of the placeholders that the operator has to fill in (`host`, `realm`, `tenant`).
    pub fn parameters(&self) -> BTreeSet<&str> {
        self.issuer.iter().chain(self.endpoints.iter()).flat_map(Template::placeholders).collect()
    }

    /// The issuer identifier, with the placeholders filled in.
    pub fn issuer(&self, parameters: &BTreeMap<String, String>) -> Result<Option<String>, InvalidEndpoint> {
        self.issuer.as_ref().map(|issuer| issuer.text(parameters)).transpose()
    }

    /// The addresses, with the placeholders filled in.
    pub fn resolve(&self, parameters: &BTreeMap<String, String>) -> Result<Endpoints, InvalidEndpoint> {
        self.endpoints.resolve(parameters)
    }

    /// The addresses whose placeholders are all given; the others are left to the metadata.
    pub fn resolve_known(&self, parameters: &BTreeMap<String, String>) -> Result<Endpoints, InvalidEndpoint> {
        self.endpoints.clone().without_missing(parameters).resolve(parameters)
    }

    /// Whether each installation or tenant has its own addresses.
    pub fn is_many(&self) -> bool {
        !self.parameters().is_empty()
    }

    /// Whether its id, one of its names or an address has this part, whatever the case.
    pub fn mentions(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let addresses = self.issuer.iter().chain(self.endpoints.iter()).map(Template::as_str);
        let recognition = self.recognition.aliases.iter().chain(&self.recognition.hosts).map(String::as_str);
        [self.id.as_str(), self.name.as_str()]
            .into_iter()
            .chain(addresses)
            .chain(recognition)
            .any(|candidate| candidate.to_lowercase().contains(&text))
    }

    /// What decides, without the prose: for records that are read often.
    #[must_use]
    pub fn without_prose(self) -> Self {
        Self { knowledge: Knowledge::default(), recognition: Recognition::default(), ..self }
    }

    /// What is wrong with it as an entry of a catalogue, field by field; nothing if it can be used.
    pub fn defects(&self) -> Vec<Defect> {
        check::defects(self)
    }
}

/// How clients authenticate, and what they may leave out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientFacts {
    /// Methods of the token endpoint, the best first.
    pub authentication: Vec<AuthenticationMethod>,
    /// Methods that it takes and that are not spoken here, by their names in RFC 8414 2 (`private_key_jwt`).
    pub other_authentication: Vec<String>,
    /// Proof keys.
    pub pkce: PkceSupport,
}

/// What a provider does with proof keys. They are sent in any case: a server must ignore what it does not know
/// (RFC 6749 3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PkceSupport {
    /// Demanded.
    Required,
    /// Checked when sent.
    Supported,
    /// Known to be ignored.
    Ignored,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// What must be asked for so that a refresh token is issued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfflineAccess {
    /// Whether a refresh token is issued at all.
    pub issued: RefreshTokens,
    /// What the operator has to switch on at the provider first, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// Scopes to add to the authorization request (`offline_access`).
    pub scopes: ScopeSet,
    /// Parameters to add to it (`access_type=offline`).
    pub parameters: BTreeMap<String, String>,
}

/// When a provider issues refresh tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshTokens {
    /// With every authorization code.
    Always,
    /// If the authorization asks for one, by the scopes and parameters beside this.
    OnRequest,
    /// If the registration at the provider is set up for it.
    BySetting,
    /// Never: the access token lives until it is revoked.
    Never,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// Lifetimes by documentation; what a response says wins. `None`: nobody knows, or there is no end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lifetimes {
    /// Of an access token, in seconds.
    #[serde(with = "seconds::optional")]
    pub access_token: Option<Duration>,
    /// Of a refresh token that is not used, in seconds.
    #[serde(with = "seconds::optional")]
    pub idle: Option<Duration>,
    /// Of the whole chain from the consent on, however often it is used, in seconds.
    #[serde(with = "seconds::optional")]
    pub absolute: Option<Duration>,
    /// Of the grants of an application that is not published, in seconds (Google: seven days).
    #[serde(with = "seconds::optional")]
    pub testing: Option<Duration>,
    /// How many refresh tokens one user and client may have; a newer one drops the oldest.
    pub live_tokens: Option<u32>,
    /// What else ends a grant here, as far as it is known.
    pub ended_by: Vec<Cause>,
}

/// Limits on refreshing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefreshFacts {
    /// Whether a refresh brings another refresh token. What becomes of the old one is the rotation policy's.
    pub replaces: Replacement,
    /// An earlier refresh is refused: none before this share of the access token's life has passed, in percent.
    /// 100 (hh.ru): only after its end.
    pub not_before_percent: Option<u8>,
    /// Whether a refresh ends the access token before (GitHub, Airtable): then none is made early, and every
    /// cache must notice at once.
    pub ends_access_token: bool,
}

/// Whether a refresh brings another refresh token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replacement {
    /// Each one.
    Always,
    /// By a setting, by the kind of client, or after some time.
    Sometimes,
    /// None.
    Never,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// What is known of revocation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RevocationFacts {
    /// What the revocation of one token ends.
    pub scope: RevocationScope,
}

/// What the revocation of one token ends (RFC 7009 2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationScope {
    /// That token.
    Token,
    /// Every token of the grant.
    Grant,
    /// Every token of the user at this client.
    User,
    /// Nobody knows: assume the most.
    #[default]
    Unknown,
}

/// Pages for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pages {
    /// Whether the provider has an outage.
    pub status: Option<String>,
    /// Where the operator manages the client registration.
    pub console: Option<String>,
    /// Where the user sees and withdraws access.
    pub user_access: Option<String>,
    /// The provider's documentation of OAuth.
    pub documentation: Option<String>,
    /// Those that come from general knowledge and that nobody has looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<Page>,
}

/// A page for people, by the name of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// [`Pages::status`].
    Status,
    /// [`Pages::console`].
    Console,
    /// [`Pages::user_access`].
    UserAccess,
    /// [`Pages::documentation`].
    Documentation,
}

impl Pages {
    /// The address of a page.
    pub fn address(&self, page: Page) -> Option<&str> {
        let address = match page {
            Page::Status => &self.status,
            Page::Console => &self.console,
            Page::UserAccess => &self.user_access,
            Page::Documentation => &self.documentation,
        };
        address.as_deref()
    }
}

/// By what a provider is recognized, in what people ask for and in the reports that they bring. All in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recognition {
    /// Other names of it (`entra`, `twitter`).
    pub aliases: Vec<String>,
    /// Hosts beside those of its endpoints, each with everything under it (`myshopify.com`).
    pub hosts: Vec<String>,
    /// Headers that it alone sends.
    pub headers: Vec<String>,
    /// Words and sentences that it alone says (`aadsts`).
    pub words: Vec<String>,
}
