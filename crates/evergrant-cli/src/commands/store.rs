//! `evergrant store`: the store itself.

use clap::Subcommand;
use serde_json::json;

use crate::{
    cli::{self, Format, FormatOptions},
    failure::Failure,
    output::{
        self,
        style::{self, Tone},
        table::Table,
    },
    session::{Session, with_session},
};

pub(crate) type Group = cli::Group<Command>;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show where it is and whether it may refresh
    Status,
    /// Declare a restored or copied store to be the one that holds these grants from now on
    Adopt,
}

pub(crate) async fn run(group: Group) -> Result<(), Failure> {
    let Group { store, format: FormatOptions { format }, command } = group;
    with_session(&store, async |session| match command {
        Command::Status => status(session, format).await,
        Command::Adopt => adopt(session, format).await,
    })
    .await
}

async fn status(session: &Session, format: Format) -> Result<(), Failure> {
    let status = session.keeper.status().await?;
    // A full disk can be read.
    let written = session.keeper.check_writable().await;
    let path = session.location.path();
    if format == Format::Json {
        output::print_json(&json!({
            "path": path,
            "quarantined": status.quarantine.is_some(),
            "writable": written.is_ok(),
            "processes": status.holders,
            "change": status.change,
            "lifeboat_free": status.lifeboat_free,
            "lifeboat_records": status.lifeboat_records,
        }))?;
        return Ok(written?);
    }
    let mut table = Table::of_one();
    table.pair("store", path.display().to_string());
    match status.quarantine {
        None if written.is_err() => table.toned("state", Tone::Bad, "cannot be written".to_owned()),
        None => table.toned("state", Tone::Good, "ok".to_owned()),
        Some(_) => table.toned(
            "state",
            Tone::Bad,
            "quarantined: restored from a backup or copied, so it refreshes nothing".to_owned(),
        ),
    }
    table.pair("processes", status.holders.to_string());
    table.pair("lifeboat", format!("{} free, {} waiting", status.lifeboat_free, status.lifeboat_records));
    output::print(&table.render(style::of_stdout()))?;
    if status.quarantine.is_some() {
        output::note("next: if this copy shall hold the grants from now on, `evergrant store adopt`");
    }
    Ok(written?)
}

async fn adopt(session: &Session, format: Format) -> Result<(), Failure> {
    let quarantined = session.keeper.status().await?.quarantine.is_some();
    if quarantined {
        session.store.adopt().await?;
    }
    match format {
        Format::Json => output::print_json(&json!({ "adopted": quarantined })),
        Format::Text if quarantined => {
            output::print(
                "adopted: this store holds the grants from now on; start its other processes again",
            )?;
            output::note(
                "its refresh tokens may be old: each client's grants come back one at a time, with pauses, and after two refusals in a row only where somebody needs them",
            );
            Ok(())
        }
        Format::Text => output::print("nothing to adopt: the store is not quarantined"),
    }
}
