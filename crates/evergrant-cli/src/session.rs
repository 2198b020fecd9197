//! A command's hold on the store: opened, run, and left only when everything that was sent has come back.

mod loopback;

use std::sync::Arc;

use evergrant::{
    Carrier, Driver, GuardedCarrier, Keeper, KeeperParts,
    clock::{Clock, FollowedClock, SystemClock},
    http::HttpClient,
    proto::{
        client::ClientRecord,
        engine::Settings,
        grant::GrantRecord,
        name::{ClientName, GrantId, Namespace},
        provider::{Catalogue, Endpoints},
        time::Timestamp,
    },
    store::{
        Store,
        clock::BootClock,
        sqlite::{Options, Paths, SqliteStore},
    },
};
use tokio::{sync::oneshot, task::JoinHandle};
use url::{Host, Url};

use crate::{
    cli::StoreOptions, config::Config, exit::Exit, failure::Failure, location::StoreLocation, output, signals,
};

/// A keeper on the local store, and what belongs to it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) keeper: Keeper,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) namespace: Namespace,
    pub(crate) location: StoreLocation,
    pub(crate) verbose: bool,
    /// Whether plain HTTP to this host is allowed.
    pub(crate) loopback: bool,
}

/// What a session is opened for.
#[derive(Debug, Clone)]
pub(crate) struct Purpose {
    /// Waits and limits, and whether to refresh ahead of time.
    pub(crate) settings: Settings,
    /// Whether somebody else than the person at the keyboard decides what is requested.
    pub(crate) serves_others: bool,
    /// With `serves_others`: the operator allowed plain HTTP to this host.
    pub(crate) allow_loopback_http: bool,
}

impl Purpose {
    /// One command for one person.
    pub(crate) fn command() -> Self {
        let settings = Settings { scheduler: false, ..Settings::default() };
        Self { settings, serves_others: false, allow_loopback_http: false }
    }
}

/// Opens the store, does the work, and sees through what was sent: also after Ctrl-C, for a refresh that is under way
/// may already have spent its refresh token.
pub(crate) async fn with_session<T>(
    options: &StoreOptions,
    work: impl AsyncFnOnce(&Session) -> Result<T, Failure>,
) -> Result<T, Failure> {
    with_session_for(options, Purpose::command(), work).await
}

/// The same with other settings.
pub(crate) async fn with_session_for<T>(
    options: &StoreOptions,
    purpose: Purpose,
    work: impl AsyncFnOnce(&Session) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let interruption = signals::interruption()?;
    let (session, driver) = open(options, purpose).await?;
    let running = Running::start(driver);
    let result = tokio::select! {
        result = work(&session) => result,
        () = interruption => {
            if session.keeper.waiting() > 0 {
                output::note("interrupted; seeing through what was sent, at most 30 s");
            }
            Err(Failure::interrupted())
        }
    };
    // While the store is still open: every failure that is told has what was measured beside its remedies.
    let result = match result {
        Err(failure) => Err(failure.measured(&session.keeper).await),
        done => done,
    };
    running.stop().await;
    result
}

/// Opens the store of the options, or of the settings file, or the usual one.
pub(crate) async fn open(options: &StoreOptions, purpose: Purpose) -> Result<(Session, Driver), Failure> {
    let settings = options.settings.clone();
    let reading = tokio::task::spawn_blocking(move || Config::of(&settings));
    let config = reading.await.map_err(|error| Failure::new("cannot read the settings", error))??;
    open_with(options, config, purpose).await
}

/// The same with settings that have been read.
pub(crate) async fn open_with(
    options: &StoreOptions,
    config: Config,
    purpose: Purpose,
) -> Result<(Session, Driver), Failure> {
    let clock = clock(options.clock.as_deref()).await?;
    let (wall, followed, wanted) = (clock.now().wall, options.clock.is_some(), options.clone());
    let settings = purpose.settings.clone();
    let opening = tokio::task::spawn_blocking(move || Opened::at(wanted, config, &purpose, wall));
    let opened = opening.await.map_err(|error| Failure::new("cannot open the store", error))??;
    let Opened { store, location, client, catalogue, loopback } = opened;
    report_replay(&*store).await?;
    let guarded = GuardedCarrier::new(client, Arc::clone(&clock));
    let carrier: Arc<dyn Carrier> =
        if followed { Arc::new(loopback::OnLoopback::new(guarded)) } else { Arc::new(guarded) };
    let parts = KeeperParts { store: Arc::clone(&store), clock, carrier, catalogue, settings };
    let (keeper, driver) = Keeper::new(parts);
    let namespace = options.namespace.clone();
    let session = Session { keeper, store, namespace, location, verbose: options.verbose, loopback };
    if followed {
        session.refuse_foreign_providers().await?;
    }
    Ok((session, driver))
}

/// What is read from disk before a keeper is put together.
struct Opened {
    store: Arc<dyn Store>,
    location: StoreLocation,
    client: HttpClient,
    catalogue: Catalogue,
    loopback: bool,
}

impl Opened {
    /// Blocks. `wall` dates a key that is made.
    fn at(
        options: StoreOptions,
        config: Config,
        purpose: &Purpose,
        wall: Timestamp,
    ) -> Result<Self, Failure> {
        let allowed = purpose.allow_loopback_http || config.egress.allow_loopback_http;
        let loopback = !purpose.serves_others || allowed || options.clock.is_some();
        // What can be wrong in the settings is found before a store is made.
        let client = HttpClient::new(config.egress(loopback)?)?;
        let catalogue = config.catalogue()?;
        let keys = config.keys()?;
        let location = match options.store.or(config.store) {
            Some(location) => location,
            None => StoreLocation::usual()?,
        };
        location.prepare().map_err(|error| {
            let directory = location.directory().display();
            Failure::of(Exit::StoreUnavailable, format!("cannot make the directory {directory}: {error}"))
                .advise("make it writable, or name another store with --store or EVERGRANT_STORE")
        })?;
        let boot = BootClock::of_this_boot().map_err(|error| Failure::new("cannot tell this boot", error))?;
        let store_options =
            Options { keys, events: config.events, ..Options::at(Paths::beside(location.path())) };
        let store = SqliteStore::open(&store_options, Arc::new(boot), wall)?;
        Ok(Self { store: Arc::new(store), location, client, catalogue, loopback })
    }
}

/// The machine's clocks, or a rehearsal's.
async fn clock(url: Option<&str>) -> Result<Arc<dyn Clock>, Failure> {
    let Some(url) = url else { return Ok(Arc::new(SystemClock)) };
    // `EVERGRANT_CLOCK=http://127.0.0.1:8790` is what people have at hand.
    let url = match Url::parse(url) {
        Ok(mut parsed) if parsed.path() == "/" => {
            parsed.set_path("/admin/clock");
            parsed.to_string()
        }
        _ => url.to_owned(),
    };
    let clock = FollowedClock::connect(&url)
        .await
        .map_err(|error| Failure::new("EVERGRANT_CLOCK cannot be followed", error))?;
    let follower = clock.clone();
    tokio::spawn(async move { follower.follow().await });
    Ok(Arc::new(clock))
}

/// Brings what an ended process had rescued into the store.
async fn report_replay(store: &dyn Store) -> Result<(), Failure> {
    let replayed = store.replay().await?;
    if replayed.landed > 0 {
        output::note(&format!(
            "{} rescued credential(s) of an earlier process are in the store now",
            replayed.landed
        ));
    }
    for conflict in &replayed.refused {
        output::note(&format!("a rescued credential was not taken: {conflict}"));
    }
    if replayed.damaged > 0 {
        output::note(&format!("{} place(s) of the lifeboat hold no readable record", replayed.damaged));
    }
    Ok(())
}

impl Session {
    /// The grant of that id, if it is in this namespace.
    pub(crate) async fn grant(&self, id: GrantId) -> Result<GrantRecord, Failure> {
        let found = self.keeper.grant(id).await?;
        found.filter(|grant| grant.namespace == self.namespace).ok_or_else(|| Failure::no_such_grant(id))
    }

    /// The client of that name in this namespace.
    pub(crate) async fn client(&self, name: &ClientName) -> Result<ClientRecord, Failure> {
        let found = self.keeper.client(&self.namespace, name).await?;
        found.ok_or_else(|| Failure::no_such_client(name))
    }

    /// A rehearsal's clock would tell real providers' tokens a wrong age.
    async fn refuse_foreign_providers(&self) -> Result<(), Failure> {
        let clients = self.keeper.clients(&self.namespace).await?;
        match clients.iter().find(|client| !is_rehearsed(&client.endpoints)) {
            None => Ok(()),
            Some(client) => Err(Failure::of(
                Exit::Usage,
                format!(
                    "EVERGRANT_CLOCK is for rehearsals: the provider of client {} is not on this host",
                    client.name
                ),
            )
            .advise("unset EVERGRANT_CLOCK, or name another store with --store")),
        }
    }
}

fn is_rehearsed(endpoints: &Endpoints) -> bool {
    endpoints.token.as_ref().is_none_or(is_loopback)
}

/// Whether a URL names this host itself.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A driver at work.
#[derive(Debug)]
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    driver: JoinHandle<()>,
}

impl Running {
    /// Spawns the driver.
    pub(crate) fn start(driver: Driver) -> Self {
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            // A sender that is gone is a reason to stop, too.
            let _ = stopped.await;
        };
        Self { stop, driver: tokio::spawn(driver.run_until(stopped)) }
    }

    /// Begins nothing new and waits for what was sent.
    pub(crate) async fn stop(self) {
        // If the driver has ended there is nobody to tell.
        let _ = self.stop.send(());
        if let Err(error) = self.driver.await {
            tracing::error!(target: "evergrant", %error, "the driver broke off");
        }
    }
}
