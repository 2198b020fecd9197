//! `evergrant grants`: what is kept.

mod check;
mod end;
mod forecast;
mod import;
mod list;
mod show;

use clap::Subcommand;
use evergrant::proto::{grant::GrantState, name::GrantId};

pub(crate) use self::import::read_report;
use crate::{
    cli::{self, FormatOptions},
    failure::Failure,
    output::style::Tone,
    session::with_session,
};

pub(crate) type Group = cli::Group<Command>;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Keep a refresh token that was issued to another program, or a file of them
    Import(Box<import::Options>),
    /// List grants
    List(list::Options),
    /// Show one grant: its state, why, and what happened to it
    Show {
        /// The grant
        grant: GrantId,
    },
    /// Ask the provider whether a grant lives, without spending anything of it
    Check {
        /// The grant
        grant: GrantId,
    },
    /// List the grants that end if nobody acts, the soonest first
    Forecast(forecast::Options),
    /// End a grant here and at the provider; it stays in the lists
    Revoke {
        /// The grant
        grant: GrantId,
    },
    /// End a grant here and at the provider, and hide it from the lists
    Remove {
        /// The grant
        grant: GrantId,
    },
}

pub(crate) async fn run(group: Group) -> Result<(), Failure> {
    let Group { store, format: FormatOptions { format }, command } = group;
    let command = match command {
        // Secrets are read before the store is opened: a person who types holds nothing up.
        Command::Import(options) => {
            let prepared = options.prepare().await?;
            return with_session(&store, async |session| import::run(session, prepared, format).await).await;
        }
        command => command,
    };
    with_session(&store, async |session| match command {
        Command::Import(_) => unreachable!("it was carried out above"),
        Command::List(options) => list::run(session, options, format).await,
        Command::Check { grant } => check::run(session, grant, format).await,
        Command::Forecast(options) => forecast::run(session, options, format).await,
        Command::Show { grant } => show::run(session, grant, format).await,
        Command::Revoke { grant } => end::revoke(session, grant, format).await,
        Command::Remove { grant } => end::remove(session, grant, format).await,
    })
    .await
}

fn tone(state: &GrantState) -> Tone {
    match state {
        GrantState::Active => Tone::Good,
        GrantState::Degraded { .. } | GrantState::NotRefreshable => Tone::Warning,
        GrantState::NeedsReauthorization { .. } => Tone::Bad,
        GrantState::Revoked => Tone::Plain,
    }
}
