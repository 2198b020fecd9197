//! `evergrant rehearse`: the authorization server for tests.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use evergrant_rehearse::{Rehearsal, Running, Settings, banner};

use crate::{failure::Failure, output, signals};

/// How often it is looked whether a grant is used from a further address.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8790")]
    listen: SocketAddr,
    /// Clients, users and lifetimes, in TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Let the clock stand still until it is moved by POST /admin/clock; what waits by it waits until then
    #[arg(long)]
    virtual_clock: bool,
    /// The address that clients see, if it is not the one that is listened on
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let interruption = signals::interruption()?;
    let mut builder = Rehearsal::builder();
    if let Some(path) = options.config {
        builder = builder.settings(settings(path).await?);
    }
    if !options.virtual_clock {
        builder = builder.real_time();
    }
    if let Some(issuer) = &options.issuer {
        builder = builder.issuer(issuer);
    }
    let running = builder
        .start(options.listen)
        .await
        .map_err(|error| Failure::new("the rehearsal did not start", error))?;
    output::print(banner(&running).trim_end())?;
    let telling = tell_of_sharing(&running);
    tokio::select! {
        () = interruption => {}
        never = telling => match never {},
    }
    running.shutdown().await;
    Ok(())
}

/// Says once of each grant, and of each further address, that its tokens come from several places.
async fn tell_of_sharing(running: &Running) -> std::convert::Infallible {
    let mut told = BTreeSet::new();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        for shared in running.with_provider(|provider, _| provider.shared_grants()) {
            if told.insert(shared.finding.clone()) {
                output::note(&format!(
                    "{}: a second holder, or one program with several ways out",
                    shared.finding
                ));
            }
        }
    }
}

async fn settings(path: PathBuf) -> Result<Settings, Failure> {
    let reading = tokio::task::spawn_blocking(move || {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Failure::new(&format!("cannot read {}", path.display()), error))?;
        Settings::from_toml(&text).map_err(|error| Failure::new(&path.display().to_string(), error))
    });
    reading.await.map_err(|error| Failure::new("cannot read the settings", error))?
}
