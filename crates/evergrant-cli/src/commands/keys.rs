//! `evergrant keys`: what seals the credentials.

use clap::Subcommand;
use evergrant::store::{
    key::{KeyStatus, environment},
    sqlite::Paths,
};
use serde_json::{Value, json};

use crate::{
    cli::{self, Format, FormatOptions},
    config::Config,
    failure::Failure,
    output::{
        self,
        style::{self, Tone},
        table::Table,
    },
    session::with_session,
};

pub(crate) type Group = cli::Group<Command>;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the loaded keys by name; never the keys themselves
    Status,
}

pub(crate) async fn run(group: Group) -> Result<(), Failure> {
    let Group { store, format: FormatOptions { format }, command: Command::Status } = group;
    let config = Config::of(&store.settings)?;
    with_session(&store, async |session| {
        let status = session.keeper.status().await?;
        let file = config.key_place(Paths::beside(session.location.path()).keys);
        if format == Format::Json {
            let keys: Vec<_> = status.keys.iter().map(view).collect();
            return output::print_json(&json!({ "keys": keys, "file": file }));
        }
        let mut table = Table::new(&["KEY", "USE", "MADE"]);
        for key in &status.keys {
            let made = key.created.map_or("unknown".to_owned(), |made| made.to_string());
            let (tone, purpose) =
                if key.primary { (Tone::Good, "seals and opens") } else { (Tone::Plain, "opens") };
            table.row([(Tone::Plain, key.id.to_string()), (tone, purpose.to_owned()), (Tone::Plain, made)]);
        }
        output::print(&table.render(style::of_stdout()))?;
        let copy = match &file {
            Some(file) => format!("key file: {}; keep a copy of it", file.display()),
            None => format!("the keys come from {}; keep a copy of them", environment::VARIABLE),
        };
        output::note(&format!("{copy}, apart from the backups of the store"));
        Ok(())
    })
    .await
}

fn view(key: &KeyStatus) -> Value {
    json!({
        "id": key.id.to_string(),
        "primary": key.primary,
        "created_at": key.created.map(|made| made.to_string()),
    })
}
