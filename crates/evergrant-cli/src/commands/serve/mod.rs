//! `evergrant serve`: the server on the local store.

mod first_key;
mod notify;

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use evergrant::{
    Driver, Keeper,
    clock::{Clock, SystemClock},
    proto::{engine, name::Namespace},
    store::anchor::Epoch,
};
use evergrant_server::{Server, ServerConfig, Tls, listen};
use tokio::net::TcpListener;
use url::Url;

use crate::{
    cli::{SettingsOptions, StoreOptions},
    config::{self, Config, Environment, Finding, Flags, Settings, Weight},
    exit::Exit,
    failure::Failure,
    hardening, logging, output,
    session::{self, Purpose, Running, Session, is_loopback},
    signals::{self, Signals, Wanted},
};

/// Between two looks at whose the store is.
const LOOKS_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Settings (docs/configuration.md); options go before the environment, the environment before the file
    #[arg(long, env = "EVERGRANT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
    /// The tenant boundary whose clients are looked at on start
    #[arg(long, env = "EVERGRANT_NAMESPACE", default_value = "default", value_parser = Namespace::new)]
    namespace: Namespace,
    /// Follow the clock of a rehearsal
    #[arg(long, env = "EVERGRANT_CLOCK", value_name = "URL", hide_short_help = true)]
    clock: Option<String>,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    hardening::keep_files_private();
    hardening::take_descriptors();
    let signals = signals::signals()?;
    let (config, findings) = settings(options.flags.clone(), options.config.clone()).await?;
    logging::start(&config.log);
    let listener =
        listen(config.listen).await.map_err(|error| Failure::of(Exit::Other, error.to_string()))?;
    let tls = load_certificate(&config).await?;
    let (session, driver) = open(&options, &config).await?;
    let json = config.log.json;
    first_key::show(&session, json).await?;
    for finding in &findings {
        say(json, &finding.to_string());
    }
    warn(&session, json).await?;
    serve(listener, config, tls, session, driver, signals).await
}

/// What holds, and what is to be said of it; refuses what no server starts with.
async fn settings(flags: Flags, file: Option<PathBuf>) -> Result<(Config, Vec<Finding>), Failure> {
    let reading = tokio::task::spawn_blocking(move || {
        let settings = Settings::read(&flags, &Environment::of_process(), file.as_deref());
        let findings = config::check(&settings, SystemClock.now().wall);
        (settings.config, findings)
    });
    let (config, findings) =
        reading.await.map_err(|error| Failure::new("cannot read the settings", error))?;
    let refused: Vec<_> = findings.iter().filter(|finding| finding.weight == Weight::Refused).collect();
    if refused.is_empty() { Ok((config, findings)) } else { Err(config::unusable(refused)) }
}

async fn load_certificate(config: &Config) -> Result<Option<Arc<Tls>>, Failure> {
    let Some(files) = config.tls.clone() else { return Ok(None) };
    let loading = tokio::task::spawn_blocking(move || Tls::load(files));
    let loaded = loading.await.map_err(|error| Failure::new("cannot read the certificate", error))?;
    loaded.map(|tls| Some(Arc::new(tls))).map_err(|error| Failure::of(Exit::Other, error.to_string()))
}

async fn open(options: &Options, config: &Config) -> Result<(Session, Driver), Failure> {
    let purpose = Purpose {
        settings: engine::Settings::default(),
        serves_others: true,
        allow_loopback_http: config.egress.allow_loopback_http,
    };
    let store = StoreOptions {
        store: config.store.clone(),
        namespace: options.namespace.clone(),
        settings: SettingsOptions { config: options.config.clone(), catalogue: None },
        clock: options.clock.clone(),
        verbose: false,
    };
    session::open_with(&store, config.clone(), purpose).await
}

async fn serve(
    listener: TcpListener,
    config: Config,
    tls: Option<Arc<Tls>>,
    session: Session,
    driver: Driver,
    mut signals: Signals,
) -> Result<(), Failure> {
    let json = config.log.json;
    let address =
        listener.local_addr().map_err(|error| Failure::new("cannot tell where it listens", error))?;
    let public_url = config.public_url.clone().unwrap_or_else(|| config::usual_url(address, &config));
    let usual = ServerConfig::new(public_url);
    let server = ServerConfig {
        drain: config.drain.unwrap_or(usual.drain),
        finish: config.finish.unwrap_or(usual.finish),
        patience: config.patience.unwrap_or(usual.patience),
        body_rate: config.body_rate.unwrap_or(usual.body_rate),
        rate_limit: config.rate_limit,
        tls: tls.clone(),
        ..usual
    };
    output::print(&format!("listening on {address}, store {}", session.location.path().display()))?;
    let opened = session.keeper.status().await?.epoch;
    let server = Server::new(session.keeper.clone(), server);
    let running = Running::start(driver);
    notify::ready();
    // Accepted requests still need the driver: it stops after them.
    let mut left = None;
    let stop = async {
        let told = async { while signals.next().await == Wanted::Hangup && renew(tls.clone()).await {} };
        tokio::select! {
            () = told => {}
            () = adopted(&session.keeper, opened) => {
                let why = "the store was adopted by another process: it takes nothing more from this one";
                left = Some(Failure::of(Exit::StoreUnavailable, why).advise("start this server again"));
            }
        }
        notify::stopping();
        say(json, "stopping: what was accepted is answered, and what was sent is seen through");
    };
    server.serve(listener, stop).await;
    running.stop().await;
    say(json, "stopped");
    left.map_or(Ok(()), Err)
}

/// Completes when another process has adopted the store since its epoch was the one that this process `opened`.
/// Whatever is decided here would be refused from then on, so that a supervisor does better to start the server again.
async fn adopted(keeper: &Keeper, opened: Epoch) {
    loop {
        tokio::time::sleep(LOOKS_EVERY).await;
        // One that does not answer may come back as what it was.
        if keeper.status().await.is_ok_and(|status| status.epoch != opened) {
            return;
        }
    }
}

/// Takes a renewed certificate over now; `false`: there is none to be renewed.
async fn renew(tls: Option<Arc<Tls>>) -> bool {
    let Some(tls) = tls else { return false };
    // Reading that panics leaves the old one.
    let _ = tokio::task::spawn_blocking(move || tls.renew(SystemClock.now().wall)).await;
    true
}

/// Tells the operator something; where the log is read by programs, as a line of it.
fn say(json: bool, text: &str) {
    if json {
        tracing::warn!(target: "evergrant", note = text, "the server says");
    } else {
        output::note(text);
    }
}

/// What would otherwise be found out late.
async fn warn(session: &Session, json: bool) -> Result<(), Failure> {
    if session.keeper.status().await?.quarantine.is_some() {
        say(
            json,
            "the store was restored from a backup or copied: it serves, and refreshes nothing until `evergrant store adopt`",
        );
    }
    if session.loopback {
        return Ok(());
    }
    for client in session.keeper.clients(&session.namespace).await? {
        let plain = |url: &Url| url.scheme() == "http" && is_loopback(url);
        if client.endpoints.token.as_ref().is_some_and(plain) {
            say(
                json,
                &format!(
                    "the provider of client {} is on this host over plain http, which a server does not reach: start it with --allow-loopback-http if this is for development",
                    client.name
                ),
            );
        }
    }
    Ok(())
}
