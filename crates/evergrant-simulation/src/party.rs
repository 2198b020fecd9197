//! The provider of the world: the core of the rehearsal server, reached by the requests that engines send.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use evergrant_proto::{
    client::{Branding, Breaker, ClientRecord, Learned, Probation},
    name::{ClientName, Namespace},
    provider::{Endpoints, Provider as Facts, ReplayRevokes, RotationKind, RotationPolicy as KnownRotation},
    secret::ClientSecret,
    time::Timestamp as Wall,
    wire::{
        client_authentication::{AuthenticationMethod, ClientIdentifier},
        http::{HttpRequest, HttpResponse, Method as WireMethod},
        redirect_uri::RedirectUri,
    },
};
use evergrant_rehearse::{
    ClientSettings, ErrorDescriptions, ExchangeId, Lifetimes, Method, Otherwise, PolicyName, Progress,
    Provider, RefreshTokens, Request, Response, RotationPolicy, Settings, SigningKey, Timestamp,
    UserSettings,
};
use url::Url;

use crate::Dice;

/// The issuer of the world.
const ISSUER: &str = "http://127.0.0.1:8790";
const REDIRECT: &str = "http://127.0.0.1:5000/callback";

/// The client's identifier at the provider.
pub const CLIENT_ID: &str = "app";
/// The secret that it starts with.
pub const CLIENT_SECRET: &str = "first secret";

/// How the provider behaves and what we know of it.
#[derive(Debug, Clone)]
pub struct Scene {
    /// What the provider does with refresh tokens.
    pub rotation: RotationPolicy,
    /// What we know of that.
    pub known: KnownRotation,
    /// How long access tokens live, in seconds.
    pub access_token_s: u64,
    /// Who can sign in: name and organization.
    pub users: Vec<(String, String)>,
    /// Whether the provider says why it refuses.
    pub tells_reason: bool,
    /// What is asked for. With `openid` the provider tells who signed in, and signs it, which takes time.
    pub scopes: String,
    /// What ends grants without anybody's doing.
    pub ends: Ends,
}

/// What ends grants at a provider without anybody's doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// After how many seconds an unused refresh token ends; `None`: after longer than any run.
    pub idle_s: Option<u64>,
    /// After how many seconds an authorization ends, however often its tokens are used; `None`: after longer than any run.
    pub absolute_s: Option<u64>,
    /// How many grants a user may have: another ends the oldest.
    pub grants_per_user: Option<u32>,
    /// How we know of it.
    pub told: Told,
}

impl Ends {
    /// Where a provider does not say why it refuses, nobody could name what nobody knows of: among three candidates there is no
    /// room for a fourth.
    pub(crate) fn are_known(&mut self) {
        self.grants_per_user = None;
        if self.told == Told::Nowhere {
            self.told = Told::Catalogue;
        }
    }
}

/// How we know what a provider does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Told {
    /// We do not.
    #[default]
    Nowhere,
    /// The catalogue states it.
    Catalogue,
    /// The provider announces it with its tokens.
    Announced,
}

impl Scene {
    /// A provider of this policy, known to us as it is, with access tokens of an hour.
    pub fn of(rotation: RotationPolicy) -> Self {
        let kind = match rotation.policy {
            PolicyName::P0 => RotationKind::Reusable,
            PolicyName::P1 => RotationKind::OneTime,
            PolicyName::P2 => RotationKind::ReplayRevokes,
            PolicyName::P3 => RotationKind::GraceSame,
            PolicyName::P4 => RotationKind::GraceNew,
            PolicyName::P5 => RotationKind::LatestWins,
            PolicyName::P6 => RotationKind::UntilSuccessorUsed,
            PolicyName::P7 => RotationKind::LongOverlap,
        };
        let known = KnownRotation {
            kind,
            window: rotation.window_s.map(Duration::from_secs),
            count: rotation.count,
            revokes: match rotation.otherwise {
                Otherwise::Refuse => ReplayRevokes::Nothing,
                Otherwise::RevokeFamily => ReplayRevokes::Grant,
                Otherwise::RevokeClientSession => ReplayRevokes::ClientSession,
            },
            ..KnownRotation::default()
        };
        Self {
            rotation,
            known,
            access_token_s: 3600,
            tells_reason: false,
            users: vec![("alice".into(), "acme".into()), ("bob".into(), "globex".into())],
            scopes: "openid offline_access".into(),
            ends: Ends::default(),
        }
    }

    /// P2.
    pub fn strict() -> Self {
        Self::of(RotationPolicy::strict())
    }

    /// P3 with a window of this many seconds.
    pub fn grace(window_s: u64) -> Self {
        Self::of(RotationPolicy::same_successor_within(window_s))
    }

    /// P0 to P7 with usual parameters.
    pub fn named(policy: PolicyName) -> Self {
        Self::of(RotationPolicy::named(policy))
    }

    /// This scene with so many users besides, each of an own organization.
    #[must_use]
    pub fn with_users(mut self, count: usize) -> Self {
        self.users.extend((0..count).map(|index| (format!("user{index}"), format!("organization{index}"))));
        self
    }

    /// This scene with access tokens of another lifetime.
    #[must_use]
    pub fn living(mut self, access_token_s: u64) -> Self {
        self.access_token_s = access_token_s;
        self
    }

    fn settings(&self) -> Settings {
        let client = ClientSettings {
            refresh_tokens: RefreshTokens::Always,
            lifetimes: self.lifetimes(),
            grants_per_user: self.ends.grants_per_user.and_then(|count| usize::try_from(count).ok()),
            ..ClientSettings::basic(CLIENT_ID, CLIENT_SECRET).rotating(self.rotation.clone())
        };
        Settings {
            clients: vec![client],
            users: self.users.iter().map(|(name, tenant)| UserSettings::new(name, tenant)).collect(),
            error_descriptions: if self.tells_reason {
                ErrorDescriptions::Named
            } else {
                ErrorDescriptions::Uniform
            },
            ..Settings::bare()
        }
    }

    fn lifetimes(&self) -> Lifetimes {
        let usual = Lifetimes::default();
        Lifetimes {
            access_token_s: self.access_token_s,
            refresh_idle_s: self.ends.idle_s.or(usual.refresh_idle_s),
            refresh_absolute_s: self.ends.absolute_s.or(usual.refresh_absolute_s),
            announces_refresh_lifetime: self.ends.told == Told::Announced,
            ..usual
        }
    }

    /// How long a new refresh token lives if it is not used, as the provider announces.
    pub(crate) fn announced(&self) -> Option<Duration> {
        let first = self.ends.idle_s.into_iter().chain(self.ends.absolute_s).min();
        first.filter(|_| self.ends.told == Told::Announced).map(Duration::from_secs)
    }

    /// What we know of the provider.
    fn facts(&self) -> Facts {
        let mut facts = Facts { rotation: self.known.clone(), ..Facts::generic() };
        if self.ends.told == Told::Catalogue {
            facts.lifetimes.idle = self.ends.idle_s.map(Duration::from_secs);
            facts.lifetimes.absolute = self.ends.absolute_s.map(Duration::from_secs);
            facts.lifetimes.live_tokens = self.ends.grants_per_user;
        }
        facts
    }

    /// The client as our store has it.
    ///
    /// # Panics
    ///
    /// If a scope of the scene is none.
    pub fn client(&self, secret: &str, wall: Wall) -> ClientRecord {
        let url = |path: &str| Url::parse(&format!("{ISSUER}{path}")).ok();
        ClientRecord {
            name: ClientName::new(CLIENT_ID).expect("a name"),
            namespace: Namespace::default(),
            version: 0,
            provider: self.facts(),
            parameters: BTreeMap::new(),
            issuer: Some(ISSUER.to_owned()),
            issuer_announced: true,
            endpoints: Endpoints {
                authorization: url("/authorize"),
                token: url("/token"),
                revocation: url("/revoke"),
                device_authorization: url("/device_authorization"),
                ..Endpoints::default()
            },
            identifier: ClientIdentifier::new(CLIENT_ID).expect("an identifier"),
            authentication: AuthenticationMethod::ClientSecretBasic,
            redirect_uris: vec![RedirectUri::new(REDIRECT).expect("an absolute URI")],
            scopes: self.scopes.parse().expect("the scopes of a scene are scopes"),
            return_urls: Vec::new(),
            breaker: Breaker::default(),
            learned: Learned::default(),
            probation: Probation::default(),
            keep_alive: true,
            branding: Branding::default(),
            created_at: wall,
            updated_at: wall,
            removed_at: None,
            secret: ClientSecret::new(secret).ok(),
        }
    }
}

/// The provider and its randomness.
#[derive(Debug)]
pub struct Party {
    /// The provider itself: faults, clients, users, journal.
    pub provider: Provider,
    dice: Dice,
}

impl Party {
    pub(crate) fn new(scene: &Scene, seed: u64) -> Self {
        let provider = Provider::new(scene.settings(), ISSUER, signing_key());
        Self { provider: provider.expect("a scene contradicts nothing"), dice: Dice::new(seed) }
    }

    pub(crate) fn handle(&mut self, request: Request, now: Timestamp) -> Progress {
        let dice = &mut self.dice;
        self.provider.handle(request, now, &mut |buffer| dice.fill(buffer))
    }

    pub(crate) fn resume(&mut self, exchange: ExchangeId, now: Timestamp) -> Option<Progress> {
        let dice = &mut self.dice;
        self.provider.resume(exchange, now, &mut |buffer| dice.fill(buffer))
    }

    /// A refresh token without a flow.
    pub(crate) fn issue(&mut self, client: &str, user: &str, scope: &str, now: Timestamp) -> Option<String> {
        let dice = &mut self.dice;
        let issued = self.provider.issue_grant(client, user, scope, now, &mut |buffer| dice.fill(buffer));
        issued.ok().map(|issued| issued.refresh_token)
    }

    /// Whether the provider would take this refresh token now.
    pub(crate) fn accepts(&mut self, token: &str, now: Timestamp) -> bool {
        match self.ask("/introspect", &[("token", token)], now) {
            Progress::Deliver(evergrant_rehearse::Delivery::Whole(response)) => {
                response.to_json().is_some_and(|body| body["active"] == true)
            }
            _ => false,
        }
    }

    /// A program that is none of ours refreshes with this token; what it gets is its own.
    pub(crate) fn refresh(&mut self, token: &str, now: Timestamp) {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        drop(self.ask("/token", &form, now));
    }

    /// A request with the credentials that hold at the provider.
    fn ask(&mut self, path: &str, form: &[(&str, &str)], now: Timestamp) -> Progress {
        let client = self.provider.clients().next().and_then(|client| client.client_secret.clone());
        let secret = client.unwrap_or_default().replace(' ', "+");
        let credentials = BASE64_STANDARD.encode(format!("{CLIENT_ID}:{secret}"));
        let request =
            Request::post_form(path, form).with_header("authorization", &format!("Basic {credentials}"));
        self.handle(request, now)
    }
}

/// RSA keys are slow to make: one for all worlds of a process. ID tokens are signed with it, and nothing depends on
/// its value.
fn signing_key() -> Arc<SigningKey> {
    static KEY: OnceLock<Arc<SigningKey>> = OnceLock::new();
    let make = || Arc::new(SigningKey::generate().expect("the system has randomness"));
    KEY.get_or_init(make).clone()
}

/// A request of an engine as it reaches the provider.
pub(crate) fn request(sent: &HttpRequest) -> Request {
    Request {
        method: match sent.method {
            WireMethod::Get => Method::Get,
            WireMethod::Post => Method::Post,
            _ => Method::Other,
        },
        path: sent.url.path().to_owned(),
        query: sent.url.query().unwrap_or_default().to_owned(),
        headers: sent.headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        body: sent.body.to_vec(),
        peer: None,
    }
}

/// An answer of the provider as an engine gets it.
pub(crate) fn response(answer: Response) -> HttpResponse {
    HttpResponse { status: answer.status, headers: answer.headers, body: answer.body.into() }
}

/// A parameter of a form body.
pub(crate) fn parameter(request: &Request, name: &str) -> Option<String> {
    url::form_urlencoded::parse(&request.body)
        .find(|(candidate, _)| candidate == name)
        .map(|(_, value)| value.into_owned())
}
