//! `evergrant health`: whether the server with these settings is ready, for containers and scripts.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use evergrant_server::probe;

use crate::{
    config::{Environment, Flags, Settings},
    exit::Exit,
    failure::Failure,
    output,
};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The settings that the server was started with
    #[arg(long, env = "EVERGRANT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let reading = tokio::task::spawn_blocking(move || {
        Settings::read(&options.flags, &Environment::of_process(), options.config.as_deref()).config
    });
    let config = reading.await.map_err(|error| Failure::new("cannot read the settings", error))?;
    let address = match config.listen.ip() {
        ip if !ip.is_unspecified() => config.listen,
        ip if ip.is_ipv4() => SocketAddr::from(([127, 0, 0, 1], config.listen.port())),
        _ => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], config.listen.port())),
    };
    match probe(address, config.tls.is_some()).await {
        Ok(()) => output::print("ready"),
        Err(unready) => Err(Failure::of(Exit::Other, format!("the server is not ready: {unready}"))),
    }
}
