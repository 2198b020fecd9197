//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use evergrant::proto::name::Namespace;

use crate::{
    commands::{
        api_keys, clients, config, connect, doctor, explain, grants, health, keys, namespaces, providers,
        rehearse, request, serve, store, token, webhooks,
    },
    demo, exit,
    failure::Failure,
    location::StoreLocation,
};

/// Keeps OAuth 2.0 grants alive: hands out access tokens that work, and says why when there is none.
#[derive(Debug, Parser)]
#[command(name = "evergrant", version, after_help = exit::HELP, subcommand_required = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch a grant being kept alive, broken, explained and repaired
    Demo(demo::Options),
    /// Run the server: HTTP API, web pages, refreshes ahead of time
    Serve(serve::Options),
    /// Run an authorization server that plays every failure on demand
    Rehearse(rehearse::Options),
    /// Registrations at providers
    Clients(clients::Group),
    /// Grants that are kept
    Grants(grants::Group),
    /// Connect an account through its provider, or repair a grant
    Connect(connect::Options),
    /// Print an access token that works
    Token(token::Options),
    /// Send a request with a grant's access token
    Request(request::Options),
    /// The catalogue: what is known of each provider
    Providers(providers::Group),
    /// Explain a failure: cause, evidence, what helps, what never does
    Explain(explain::Options),
    /// Check everything that a refresh needs: files, keys, clocks, providers, registrations
    Doctor(doctor::Options),
    /// API keys: who may ask the server, and for what
    ApiKeys(api_keys::Group),
    /// Who is told of incidents: signed messages to your own servers
    Webhooks(webhooks::Group),
    /// Tenant boundaries: what an API key sees
    Namespaces(namespaces::Group),
    /// The settings of the server
    Config(config::Group),
    /// Ask the server on this host whether it is ready
    Health(health::Options),
    /// Keys that seal credentials
    Keys(keys::Group),
    /// The store itself
    Store(store::Group),
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Demo(_) => unreachable!("the demonstration brings its own runtime"),
            Self::Serve(options) => Box::pin(serve::run(options)).await,
            Self::Rehearse(options) => rehearse::run(options).await,
            Self::Clients(group) => clients::run(group).await,
            Self::Grants(group) => grants::run(group).await,
            Self::Connect(options) => connect::run(options).await,
            Self::Token(options) => token::run(options).await,
            Self::Request(options) => request::run(options).await,
            Self::Providers(group) => providers::run(group).await,
            Self::Explain(options) => explain::run(options).await,
            Self::Doctor(options) => doctor::run(options).await,
            Self::ApiKeys(group) => api_keys::run(group).await,
            Self::Webhooks(group) => webhooks::run(group).await,
            Self::Namespaces(group) => namespaces::run(group).await,
            Self::Config(group) => config::run(group).await,
            Self::Health(options) => health::run(options).await,
            Self::Keys(group) => keys::run(group).await,
            Self::Store(group) => store::run(group).await,
        }
    }

    /// In which form an error is reported.
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Clients(group) => group.format.format,
            Self::Grants(group) => group.format.format,
            Self::Connect(options) => options.format.format,
            Self::Token(options) => options.error_format(),
            Self::Providers(group) => group.format.format,
            Self::Explain(options) => options.format.format,
            Self::Doctor(options) => options.format.format,
            Self::ApiKeys(group) => group.format.format,
            Self::Webhooks(group) => group.format.format,
            Self::Namespaces(group) => group.format.format,
            Self::Config(group) => group.format.format,
            Self::Keys(group) => group.format.format,
            Self::Store(group) => group.format.format,
            Self::Demo(_) | Self::Health(_) | Self::Serve(_) | Self::Rehearse(_) | Self::Request(_) => {
                Format::Text
            }
        }
    }
}

/// Where the grants are, and whose.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreOptions {
    /// The store [default: sqlite: in $XDG_DATA_HOME/evergrant]
    #[arg(long, global = true, env = "EVERGRANT_STORE", value_name = "sqlite:PATH")]
    pub(crate) store: Option<StoreLocation>,
    /// The tenant boundary that everything named here belongs to
    #[arg(long, global = true, env = "EVERGRANT_NAMESPACE", default_value = "default", value_parser = Namespace::new)]
    pub(crate) namespace: Namespace,
    #[command(flatten)]
    pub(crate) settings: SettingsOptions,
    /// Follow the clock of a rehearsal
    #[arg(long, global = true, env = "EVERGRANT_CLOCK", value_name = "URL", hide_short_help = true)]
    pub(crate) clock: Option<String>,
    /// Say what is being waited for
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

/// What every command may be told about its surroundings.
#[derive(Debug, Clone, Args)]
pub(crate) struct SettingsOptions {
    /// Settings: networks, CA bundle, proxy, own catalogue (docs/configuration.md)
    #[arg(long, global = true, env = "EVERGRANT_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A folder of provider files that add to the catalogue or replace its entries (docs/catalogue.md)
    #[arg(long, global = true, env = "EVERGRANT_CATALOGUE", value_name = "DIR")]
    pub(crate) catalogue: Option<PathBuf>,
}

/// Commands about one kind of thing in the store.
#[derive(Debug, Args)]
pub(crate) struct Group<Command: Subcommand> {
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    #[command(flatten)]
    pub(crate) format: FormatOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// In which form results are printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct FormatOptions {
    /// For people, or for programs; errors as JSON go to stderr
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }
}
