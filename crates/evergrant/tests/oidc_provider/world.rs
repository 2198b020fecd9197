//! One provider, one store, one keeper, and what the tests do to them. The provider's side of it blocks, which is
//! harmless: the keeper's driver runs on a thread of its own.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use evergrant::{
    AuthorizationOptions, GuardedCarrier, Keeper, KeeperParts, NewClient, Token, TokenError,
    clock::{Clock, SystemClock},
    http::{EgressConfig, HttpClient},
    proto::{
        engine::{CallbackEnd, Refusal, Settings},
        grant::GrantRecord,
        name::{ClientName, GrantId, Namespace},
        provider::Catalogue,
        scope::ScopeSet,
        secret::ClientSecret,
        wire::{
            client_authentication::{AuthenticationMethod, ClientIdentifier},
            redirect_uri::RedirectUri,
        },
    },
    store::{
        clock::BootClock,
        sqlite::{Options, Paths, SqliteStore},
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::{
    browser::{Answer, encoded, request, sign_in},
    oidc_provider::OidcProvider,
    tap::Tap,
};

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1/callback";

pub(crate) struct World {
    pub(crate) provider: OidcProvider,
    pub(crate) keeper: Keeper,
    pub(crate) tap: Tap,
    /// The provider's name of the client that the keeper plays: `basic`, `post` or `public`.
    client: &'static str,
    secret: Option<String>,
    _folder: TempDir,
}

impl World {
    /// The provider's client `basic`, `post` or `public`, added with nothing but what an operator knows.
    pub(crate) async fn of(client: &'static str) -> Self {
        Self::with(client, &json!({})).await
    }

    pub(crate) async fn with(client: &'static str, options: &Value) -> Self {
        let provider = OidcProvider::start(options);
        let secret = provider.client(client)["client_secret"].as_str().map(str::to_owned);
        let folder = tempfile::tempdir().unwrap();
        let (keeper, tap) = keeper_in(&folder);
        let new = NewClient {
            provider: Some("oidc-provider".to_owned()),
            issuer: Some(provider.issuer().to_owned()),
            secret: secret.as_deref().map(|secret| ClientSecret::new(secret).unwrap()),
            // The provider offers both; that this registration may only post its secret, an operator has to say.
            authentication: (client == "post").then_some(AuthenticationMethod::ClientSecretPost),
            redirect_uris: vec![RedirectUri::new(REDIRECT_URI).unwrap()],
            scopes: ScopeSet::parse("openid email api:read", ' ').unwrap(),
            ..NewClient::new(shop(), ClientIdentifier::new(client).unwrap())
        };
        keeper.add_client(new).await.unwrap();
        Self { provider, keeper, tap, client, secret, _folder: folder }
    }

    /// Connects an account through the provider's own pages.
    pub(crate) async fn connect(&self, account: &str) -> GrantId {
        match self.authorize(account, "allow", None).await {
            CallbackEnd::Connected { grant, .. } => grant.id,
            end => panic!("{end:?}"),
        }
    }

    /// Opens a link, signs in there, clicks `decision`, and brings the callback back.
    pub(crate) async fn authorize(
        &self,
        account: &str,
        decision: &str,
        grant: Option<GrantId>,
    ) -> CallbackEnd {
        let options = AuthorizationOptions { grant, ..AuthorizationOptions::new(shop()) };
        let page = self.keeper.authorize(options).await.unwrap().url;
        let back = sign_in(&page, REDIRECT_URI, account, decision);
        self.keeper.complete(back.query().unwrap()).await.unwrap()
    }

    /// A refresh, whatever the token's age: of the generation that the keeper hands out now.
    pub(crate) async fn refresh(&self, grant: GrantId) -> Result<Token, TokenError> {
        let generation = self.record(grant).await.generation;
        self.keeper.refresh(grant, generation).await
    }

    pub(crate) async fn record(&self, grant: GrantId) -> GrantRecord {
        self.keeper.grant(grant).await.unwrap().unwrap()
    }

    /// Requests that have reached the token endpoint.
    pub(crate) fn token_requests(&self) -> u64 {
        self.journal()["token_requests"].as_u64().unwrap()
    }

    pub(crate) fn journal(&self) -> Value {
        self.provider.admin("GET", "/journal", &Value::Null)
    }

    /// What the provider's resource server says to an access token: the account, or the status.
    pub(crate) fn userinfo(&self, token: &Token) -> Result<String, u16> {
        let authorization = token.authorization_header();
        let answer = request("GET", &self.url("/me"), &[("authorization", &authorization)], "");
        if answer.status != 200 {
            return Err(answer.status);
        }
        let claims: Value = serde_json::from_str(&answer.body).unwrap();
        Ok(claims["sub"].as_str().unwrap().to_owned())
    }

    /// Whether the provider holds a token to be good (RFC 7662).
    pub(crate) fn is_active(&self, token: &str) -> bool {
        let answer = self.post("/token/introspection", &[("token", token)]);
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str::<Value>(&answer.body).unwrap()["active"].as_bool().unwrap()
    }

    /// What a thief does who has read a refresh token, and the client's credentials with it.
    pub(crate) fn replay(&self, refresh_token: &str) -> Answer {
        self.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
    }

    /// One request of this client that the keeper knows nothing of.
    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let secret = self.secret.as_deref().unwrap();
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", self.client)));
        let headers =
            [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        request("POST", &self.url(path), &headers, &encoded(fields))
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.provider.issuer())).unwrap()
    }
}

pub(crate) fn shop() -> ClientName {
    ClientName::new("shop").unwrap()
}

pub(crate) fn namespace() -> Namespace {
    Namespace::default()
}

/// The refusal behind an error.
pub(crate) fn refusal(result: Result<Token, TokenError>) -> Refusal {
    match result {
        Err(TokenError::Refused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

fn keeper_in(folder: &TempDir) -> (Keeper, Tap) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
    let tap = Tap::on(GuardedCarrier::new(HttpClient::new(egress).unwrap(), Arc::clone(&clock)));
    let paths = Paths::beside(&folder.path().join("store.sqlite"));
    let leases = Arc::new(BootClock::of_this_boot().unwrap());
    let store = SqliteStore::open(&Options::at(paths), leases, clock.now().wall).unwrap();
    let (keeper, driver) = Keeper::new(KeeperParts {
        store: Arc::new(store),
        clock,
        carrier: Arc::new(tap.clone()),
        catalogue: Catalogue::builtin(),
        settings: Settings::default(),
    });
    tokio::spawn(driver.run());
    (keeper, tap)
}
