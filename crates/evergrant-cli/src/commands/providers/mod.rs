//! `evergrant providers`: the catalogue. Needs no store.

mod check;
mod list;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use evergrant::proto::provider::Catalogue;

pub(super) use self::show::span;
use crate::{
    cli::{FormatOptions, SettingsOptions},
    config::Config,
    failure::Failure,
};

#[derive(Debug, Args)]
pub(crate) struct Group {
    #[command(flatten)]
    settings: SettingsOptions,
    #[command(flatten)]
    pub(crate) format: FormatOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List providers
    List {
        /// Only those whose id, name or addresses have this part
        text: Option<String>,
    },
    /// Show all that is known of a provider
    Show {
        /// Its id
        provider: String,
    },
    /// Check files before they are used as providers; a mistake ends with 1
    Check {
        /// The files, each named after its provider (`acme.toml`)
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub(crate) async fn run(group: Group) -> Result<(), Failure> {
    let Group { settings, format: FormatOptions { format }, command } = group;
    let running = tokio::task::spawn_blocking(move || match command {
        Command::List { text } => list::run(&catalogue(&settings)?, text.as_deref(), format),
        Command::Show { provider } => show::run(&catalogue(&settings)?, &provider, format),
        Command::Check { files } => check::run(&files, format),
    });
    running.await.map_err(|error| Failure::new("cannot read the catalogue", error))?
}

fn catalogue(settings: &SettingsOptions) -> Result<Catalogue, Failure> {
    Config::of(settings)?.catalogue()
}
