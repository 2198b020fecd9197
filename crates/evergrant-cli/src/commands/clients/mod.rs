//! `evergrant clients`: registrations at providers.

mod add;
mod learned;
mod show;
mod update;

use clap::{Subcommand, ValueEnum};
use evergrant::proto::{
    name::ClientName, secret::ClientSecret, wire::client_authentication::AuthenticationMethod,
};

use crate::{
    cli::{self, Format, FormatOptions},
    failure::Failure,
    input::SecretSource,
    output,
    session::{Session, with_session},
};

pub(crate) type Group = cli::Group<Command>;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a registration; its issuer's metadata or the catalogue fill in the endpoints
    Add(Box<add::Options>),
    /// List registrations
    List,
    /// Show one registration, without its secret
    Show {
        /// The client
        #[arg(value_parser = ClientName::new)]
        client: ClientName,
    },
    /// Change a registration; new credentials resume its grants
    Update(Box<update::Options>),
    /// Remove a registration; its grants have to be removed first
    Remove {
        /// The client
        #[arg(value_parser = ClientName::new)]
        client: ClientName,
    },
}

pub(crate) async fn run(group: Group) -> Result<(), Failure> {
    let Group { store, format: FormatOptions { format }, command } = group;
    let command = match command {
        // Secrets are read before the store is opened: a person who types holds nothing up.
        Command::Add(options) => Prepared::Add(Box::new(options.prepare().await?)),
        Command::Update(options) => Prepared::Update(Box::new(options.prepare().await?)),
        Command::List => Prepared::List,
        Command::Show { client } => Prepared::Show(client),
        Command::Remove { client } => Prepared::Remove(client),
    };
    with_session(&store, async |session| match command {
        Prepared::Add(prepared) => add::run(session, *prepared, format).await,
        Prepared::Update(prepared) => update::run(session, *prepared, format).await,
        Prepared::List => show::list(session, format).await,
        Prepared::Show(client) => show::one(session, &client, format).await,
        Prepared::Remove(client) => remove(session, &client, format).await,
    })
    .await
}

enum Prepared {
    Add(Box<add::Prepared>),
    Update(Box<update::Prepared>),
    List,
    Show(ClientName),
    Remove(ClientName),
}

async fn remove(session: &Session, name: &ClientName, format: Format) -> Result<(), Failure> {
    use evergrant::store::GrantFilter;
    session.client(name).await?;
    let filter = GrantFilter { client: Some(name.clone()), ..GrantFilter::all(session.namespace.clone(), 1) };
    if let Some(grant) = session.keeper.grants(filter).await?.first() {
        return Err(Failure::new(
            &format!("client {name} is still needed"),
            format!("grant {} is its", grant.id),
        )
        .advise(format!("remove its grants first: `evergrant grants list --client {name}`")));
    }
    session.keeper.remove_client(&session.namespace, name).await?;
    match format {
        Format::Text => output::print(&format!("removed client {name}")),
        Format::Json => output::print_json(&serde_json::json!({ "removed": name })),
    }
}

/// How a client authenticates, by the names of RFC 7591 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Method {
    ClientSecretBasic,
    ClientSecretPost,
    None,
}

impl From<Method> for AuthenticationMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::ClientSecretBasic => Self::ClientSecretBasic,
            Method::ClientSecretPost => Self::ClientSecretPost,
            Method::None => Self::None,
        }
    }
}

/// Reads a client secret on a thread that may block.
async fn read_secret(stdin: bool, file: Option<std::path::PathBuf>) -> Result<Option<ClientSecret>, Failure> {
    let reading = tokio::task::spawn_blocking(move || {
        let Some(source) = SecretSource::of(stdin, file.as_deref()) else { return Ok(None) };
        let text = source.read("client secret")?;
        let secret = ClientSecret::new(text.as_str());
        secret.map(Some).map_err(|error| Failure::new("the client secret cannot be used", error))
    });
    reading.await.map_err(|error| Failure::new("cannot read the client secret", error))?
}
