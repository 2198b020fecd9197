//! `evergrant serve`: the server on the local store.

mod first_key;

use std::net::SocketAddr;

use clap::Args;
use evergrant::proto::engine::Settings;
use evergrant_server::{Server, ServerConfig, listen};
use url::Url;

use crate::{
    cli::StoreOptions,
    config::Config,
    exit::Exit,
    failure::Failure,
    output,
    session::{self, Purpose, Running, Session, is_loopback},
    signals,
};

/// Where it listens if nobody says.
const USUAL: &str = "127.0.0.1:8780";

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    store: StoreOptions,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8780]
    #[arg(long, env = "EVERGRANT_LISTEN", value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The address under which browsers reach it [default: http://ADDRESS:PORT]
    #[arg(long, env = "EVERGRANT_PUBLIC_URL", value_name = "URL")]
    public_url: Option<Url>,
    /// Allow plain http to this host, as providers in development need it
    #[arg(long, env = "EVERGRANT_ALLOW_LOOPBACK_HTTP", value_parser = clap::builder::FalseyValueParser::new())]
    allow_loopback_http: bool,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let interruption = signals::interruption()?;
    let settings = options.store.settings.clone();
    let reading = tokio::task::spawn_blocking(move || Config::of(&settings));
    let config = reading.await.map_err(|error| Failure::new("cannot read the settings", error))??;
    let usual: SocketAddr = USUAL.parse().expect("a constant");
    let listener = listen(options.listen.or(config.listen).unwrap_or(usual))
        .await
        .map_err(|error| Failure::of(Exit::Other, error.to_string()))?;
    let address =
        listener.local_addr().map_err(|error| Failure::new("cannot tell where it listens", error))?;
    let public_url = options.public_url.or(config.public_url).unwrap_or_else(|| url_of(address));

    let purpose = Purpose {
        settings: Settings::default(),
        serves_others: true,
        allow_loopback_http: options.allow_loopback_http,
    };
    let (session, driver) = session::open(&options.store, purpose).await?;
    first_key::show(&session).await?;
    warn(&session).await?;
    if !address.ip().is_loopback() {
        output::note("API keys and tokens pass unencrypted here: put a proxy that speaks TLS before it");
    }
    output::print(&format!("listening on {address}, store {}", session.location.path().display()))?;
    let server = Server::new(session.keeper.clone(), ServerConfig::new(public_url));
    let running = Running::start(driver);
    // Accepted requests still need the driver: it stops after them.
    let stop = async {
        interruption.await;
        output::note("stopping: what was accepted is answered, and what was sent is seen through");
    };
    server.serve(listener, stop).await;
    running.stop().await;
    output::note("stopped");
    Ok(())
}

fn url_of(address: SocketAddr) -> Url {
    let reachable = match address.ip() {
        ip if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], address.port())),
        _ => address,
    };
    Url::parse(&format!("http://{reachable}")).expect("an address makes a URL")
}

/// What would otherwise be found out late.
async fn warn(session: &Session) -> Result<(), Failure> {
    if session.keeper.status().await?.quarantine.is_some() {
        output::note(
            "the store was restored from a backup or copied: it serves, and refreshes nothing until `evergrant store adopt`",
        );
    }
    if session.loopback {
        return Ok(());
    }
    for client in session.keeper.clients(&session.namespace).await? {
        let plain = |url: &Url| url.scheme() == "http" && is_loopback(url);
        if client.endpoints.token.as_ref().is_some_and(plain) {
            output::note(&format!(
                "the provider of client {} is on this host over plain http, which a server does not reach: start it with --allow-loopback-http if this is for development",
                client.name
            ));
        }
    }
    Ok(())
}
