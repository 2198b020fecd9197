//! `evergrant namespaces`: tenant boundaries.

use clap::Subcommand;
use evergrant::{proto::name::Namespace, store::access::Removal};
use serde_json::json;

use super::api_keys::no_such_namespace;
use crate::{
    cli::{self, Format, FormatOptions},
    exit::Exit,
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
    /// Add a namespace
    Add {
        /// Its name
        #[arg(value_parser = Namespace::new)]
        name: Namespace,
    },
    /// List namespaces
    List,
    /// Remove a namespace, and revoke the API keys that see it alone
    Remove {
        /// Its name
        #[arg(value_parser = Namespace::new)]
        name: Namespace,
        /// Also revoke its grants, here and at their providers, and remove its clients
        #[arg(long)]
        with_contents: bool,
    },
}

pub(crate) async fn run(group: Group) -> Result<(), Failure> {
    let Group { store, format: FormatOptions { format }, command } = group;
    with_session(&store, async |session| match command {
        Command::Add { name } => add(session, name, format).await,
        Command::List => list(session, format).await,
        Command::Remove { name, with_contents } => remove(session, name, with_contents, format).await,
    })
    .await
}

async fn add(session: &Session, name: Namespace, format: Format) -> Result<(), Failure> {
    if !session.keeper.add_namespace(name.clone()).await? {
        return Err(Failure::of(Exit::Other, format!("there is a namespace {name} already")));
    }
    match format {
        Format::Json => output::print_json(&json!({ "added": name })),
        Format::Text => output::print(&format!("added namespace {name}")),
    }
}

async fn list(session: &Session, format: Format) -> Result<(), Failure> {
    let access = session.keeper.access(None).await?;
    let namespaces: Vec<_> = access.into_iter().flat_map(|access| access.namespaces).collect();
    if format == Format::Json {
        let views = namespaces.iter().map(|namespace| {
            json!({ "name": namespace.name, "created_at": namespace.created_at.map(|at| at.to_string()) })
        });
        return output::print_json(&json!({ "namespaces": views.collect::<Vec<_>>() }));
    }
    let mut table = Table::new(&["NAME", "ADDED"]);
    for namespace in namespaces {
        let added = namespace.created_at.map_or("with the store".to_owned(), |at| at.to_string());
        table.row([(Tone::Plain, namespace.name.to_string()), (Tone::Plain, added)]);
    }
    output::print(&table.render(style::of_stdout()))
}

async fn remove(
    session: &Session,
    name: Namespace,
    with_contents: bool,
    format: Format,
) -> Result<(), Failure> {
    let waiting = if with_contents {
        let emptied = session.keeper.empty_namespace(&name).await;
        emptied.map_err(|error| Failure::new(&format!("cannot empty namespace {name}"), error))?
    } else {
        0
    };
    match session.keeper.remove_namespace(name.clone()).await? {
        Removal::Removed => {}
        Removal::NoSuchNamespace => return Err(no_such_namespace(&name)),
        Removal::InUse { .. } if waiting > 0 => {
            return Err(Failure::of(
                Exit::RetryLater,
                format!(
                    "{waiting} grants of {name} are revoked, and their providers have not confirmed it yet"
                ),
            )
            .advise("run the command again; a running `evergrant serve` goes on asking them"));
        }
        Removal::InUse { clients, grants } => {
            return Err(Failure::of(
                Exit::Other,
                format!("namespace {name} has {grants} grants and {clients} clients"),
            )
            .advise("remove them first, or remove all of it with --with-contents"));
        }
    }
    match format {
        Format::Json => output::print_json(&json!({ "removed": name })),
        Format::Text => output::print(&format!("removed namespace {name}")),
    }
}
