//! What the story is played on: provider, keeper and server in one process, on one clock.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use evergrant::{
    GuardedCarrier, Keeper, KeeperParts, NewApiKey, NewClient, ResourceRequest, SendError,
    clock::Clock,
    http::{EgressConfig, HttpClient},
    proto::{
        client::Branding,
        engine::Settings,
        grant::GrantRecord,
        name::{ClientName, GrantId, Namespace},
        provider::{Catalogue, Endpoints, ReplayRevokes, RotationKind, RotationPolicy},
        scope::ScopeSet,
        secret::ClientSecret,
        time::Timestamp,
        wire::{client_authentication::ClientIdentifier, http::HttpResponse, redirect_uri::RedirectUri},
    },
    store::{
        Store,
        access::KeyScope,
        clock::BootClock,
        sqlite::{Options, Paths, SqliteStore},
    },
};
use evergrant_rehearse::{
    ClientSettings, Endpoint, ErrorDescriptions, GrantType, JournalEntry, Lifetimes, Rehearsal, UserSettings,
};
use evergrant_server::{ApiKey, Server, ServerConfig, listen};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

use super::{browser::Browser, clock::SharedClock};
use crate::{exit::Exit, failure::Failure, session};

/// The client of a strict provider: a refresh token that is used twice ends the grant (P2).
pub(super) const STRICT: &str = "calendar";
/// The client of a lenient provider: within a minute the same answer is given again (P3).
pub(super) const LENIENT: &str = "mail";
/// How long that is.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// Lasts for an hour, as most providers' do.
const ACCESS_TOKEN: Duration = Duration::from_secs(3600);

/// Everything that plays.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) rehearsal: evergrant_rehearse::Running,
    pub(super) keeper: Keeper,
    pub(super) store: Arc<dyn Store>,
    pub(super) browser: Browser,
    pub(super) server: Url,
    pub(super) api_key: ApiKey,
    began: Timestamp,
    serving: JoinHandle<()>,
    driving: session::Running,
}

impl Stage {
    /// Sets everything up, the store in a folder that outlives it. With `real_time` the clock runs besides jumping; otherwise it only jumps.
    pub(super) async fn open(folder: &Path, address: SocketAddr, real_time: bool) -> Result<Self, Failure> {
        let listener = listen(address).await.map_err(|error| Failure::of(Exit::Other, error.to_string()))?;
        let server = url_of(&listener)?;
        let rehearsal = rehearse(&server, real_time).await?;
        let clock: Arc<dyn Clock> = Arc::new(SharedClock::new(rehearsal.clock()));
        let (keeper, driver, store) = keep(folder, &clock).await?;
        let api_key = ApiKey::generate();
        let new = NewApiKey {
            digest: api_key.digest(),
            name: "the demonstration".parse().expect("a constant that is one"),
            namespace: None,
            scope: KeyScope::Admin,
            expires_at: None,
        };
        keeper.add_first_api_key(new).await?;
        let config = ServerConfig::new(server.clone());
        let serving = Server::new(keeper.clone(), config).serve(listener, std::future::pending());
        let stage = Self {
            began: clock.now().wall,
            rehearsal,
            keeper,
            store,
            browser: Browser::new()?,
            server,
            api_key,
            serving: tokio::spawn(serving),
            driving: session::Running::start(driver),
        };
        stage.register(STRICT, RotationKind::ReplayRevokes, None).await?;
        stage.register(LENIENT, RotationKind::GraceSame, Some(GRACE)).await?;
        Ok(stage)
    }

    /// Ends everything; a refresh that was sent is seen through.
    pub(super) async fn close(self) {
        self.serving.abort();
        self.driving.stop().await;
        self.rehearsal.shutdown().await;
    }

    /// Virtual time since the story began.
    pub(super) fn elapsed(&self) -> Duration {
        self.now().since(self.began)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.keeper.clock().now().wall
    }

    /// When something happened, counted from the beginning of the story.
    pub(super) fn at(&self, entry: &JournalEntry) -> Duration {
        Timestamp(entry.at_ms.0).since(self.began)
    }

    /// Lets time pass, and everything happen that is due then.
    pub(super) async fn pass(&self, time: Duration) {
        self.rehearsal.advance(time);
        // Twice: what is due wakes by the jump, and what that leads to is only then under way.
        self.keeper.settled().await;
        tokio::task::yield_now().await;
        self.keeper.settled().await;
    }

    /// Lets time pass step by step until something is true; false if it is not so within the limit.
    pub(super) async fn pass_until(
        &self,
        step: Duration,
        limit: Duration,
        mut done: impl AsyncFnMut() -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        let end = self.now().plus(limit);
        loop {
            if done().await? {
                return Ok(true);
            }
            if self.now() >= end {
                return Ok(false);
            }
            self.pass(step).await;
        }
    }

    /// Refresh requests of a client that reached the provider.
    pub(super) fn refreshes(&self, client: &str) -> Vec<JournalEntry> {
        let wanted = |entry: &JournalEntry| {
            entry.endpoint == Endpoint::Token
                && entry.grant_type == Some(GrantType::RefreshToken)
                && entry.client_id.as_deref() == Some(client)
        };
        self.rehearsal.journal().into_iter().filter(wanted).collect()
    }

    pub(super) async fn record(&self, grant: GrantId) -> Result<GrantRecord, Failure> {
        self.keeper.grant(grant).await?.ok_or_else(|| Failure::no_such_grant(grant))
    }

    /// Asks the provider's API who the user is, with the grant's access token.
    pub(super) async fn userinfo(&self, grant: GrantId) -> Result<HttpResponse, SendError> {
        let url = Url::parse(self.rehearsal.issuer()).and_then(|issuer| issuer.join("/userinfo"));
        let url = url.expect("the rehearsal's issuer is an origin");
        self.keeper.send(grant, ResourceRequest::get(url)).await
    }

    /// Calls Evergrant's own API, as a program would.
    pub(super) async fn call(&self, path: &str, body: Option<&Value>) -> Result<(u16, Value), Failure> {
        let url = self.url(path)?;
        let response = self.browser.call(url, self.api_key.expose(), body).await?;
        Ok((response.status, serde_json::from_slice(&response.body).unwrap_or_default()))
    }

    /// An address of Evergrant's server.
    pub(super) fn url(&self, path: &str) -> Result<Url, Failure> {
        self.server.join(path).map_err(|error| Failure::new("an address is none", error))
    }

    async fn register(
        &self,
        name: &str,
        kind: RotationKind,
        window: Option<Duration>,
    ) -> Result<(), Failure> {
        let revokes = ReplayRevokes::Grant;
        let client = NewClient {
            namespace: Namespace::default(),
            name: ClientName::new(name).expect("a constant that is one"),
            provider: Some("rehearse".to_owned()),
            issuer: Some(self.rehearsal.issuer().to_owned()),
            endpoints: Endpoints::default(),
            parameters: BTreeMap::new(),
            identifier: ClientIdentifier::new(name).expect("a constant that is one"),
            secret: Some(ClientSecret::new(secret_of(name)).expect("a constant that is one")),
            authentication: None,
            redirect_uris: vec![
                RedirectUri::new(self.url("/callback")?.as_str()).expect("an HTTP address is one"),
            ],
            scopes: ScopeSet::parse("openid profile", ' ').expect("a constant that is one"),
            return_urls: Vec::new(),
            rotation: Some(RotationPolicy { kind, window, revokes, ..RotationPolicy::default() }),
            keep_alive: true,
            branding: Branding::default(),
        };
        self.keeper.add_client(client).await?;
        Ok(())
    }
}

fn secret_of(client: &str) -> String {
    format!("demo-secret-{client}")
}

fn url_of(listener: &TcpListener) -> Result<Url, Failure> {
    let mut address =
        listener.local_addr().map_err(|error| Failure::new("cannot tell where it listens", error))?;
    if address.ip().is_unspecified() {
        address.set_ip([127, 0, 0, 1].into());
    }
    Ok(Url::parse(&format!("http://{address}")).expect("an address makes a URL"))
}

async fn rehearse(server: &Url, real_time: bool) -> Result<evergrant_rehearse::Running, Failure> {
    let client = |name: &str| {
        let lifetimes = Lifetimes { access_token_s: ACCESS_TOKEN.as_secs(), ..Lifetimes::default() };
        let mut client = ClientSettings::basic(name, &secret_of(name)).living(lifetimes);
        client.redirect_uris.push(format!("{}callback", server.as_str()));
        client
    };
    let grace = evergrant_rehearse::RotationPolicy::same_successor_within(GRACE.as_secs());
    let settings = evergrant_rehearse::Settings {
        clients: vec![
            client(STRICT).rotating(evergrant_rehearse::RotationPolicy::strict()),
            client(LENIENT).rotating(grace),
        ],
        users: vec![
            UserSettings::new("alice", "acme").named("Alice Example"),
            UserSettings::new("bob", "globex").named("Bob Example"),
        ],
        error_descriptions: ErrorDescriptions::Named,
        ..evergrant_rehearse::Settings::bare()
    };
    let builder = Rehearsal::builder().settings(settings);
    let builder = if real_time { builder.real_time() } else { builder };
    let started = builder.start(([127, 0, 0, 1], 0).into()).await;
    started.map_err(|error| Failure::new("the rehearsal provider does not start", error))
}

async fn keep(
    folder: &Path,
    clock: &Arc<dyn Clock>,
) -> Result<(Keeper, evergrant::Driver, Arc<dyn Store>), Failure> {
    let (database, wall) = (folder.join("evergrant.sqlite"), clock.now().wall);
    let opening = tokio::task::spawn_blocking(move || {
        let boot = BootClock::of_this_boot().map_err(|error| Failure::new("cannot tell this boot", error))?;
        Ok::<_, Failure>(SqliteStore::open(&Options::at(Paths::beside(&database)), Arc::new(boot), wall)?)
    });
    let store = opening.await.map_err(|error| Failure::new("cannot open the store", error))??;
    let store: Arc<dyn Store> = Arc::new(store);
    let egress = EgressConfig { allow_loopback_http: true, ..EgressConfig::default() };
    let carrier = Arc::new(GuardedCarrier::new(HttpClient::new(egress)?, Arc::clone(clock)));
    let mut catalogue = Catalogue::builtin();
    catalogue.overlay("rehearse", include_str!("provider.toml")).expect("a test plays it");
    let parts = KeeperParts {
        store: Arc::clone(&store),
        clock: Arc::clone(clock),
        carrier,
        catalogue,
        settings: Settings::default(),
    };
    let (keeper, driver) = Keeper::new(parts);
    Ok((keeper, driver, store))
}
