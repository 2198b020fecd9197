//! `evergrant doctor`: whether everything that a refresh needs is as it should be, before a grant finds out.

mod advice;
mod client;
mod finding;
mod installation;
mod table;

use clap::Args;
use evergrant::proto::{client::ClientRecord, name::ClientName};

use self::finding::{Finding, Section, Verdict, all, view};
use crate::{
    cli::{Format, FormatOptions, StoreOptions},
    exit::Exit,
    failure::Failure,
    output,
    session::{Session, with_session},
};

#[derive(Debug, Args)]
#[command(after_help = SAFE)]
pub(crate) struct Options {
    /// Only this client; may be repeated
    #[arg(value_name = "CLIENT", value_parser = ClientName::new)]
    clients: Vec<ClientName>,
    /// Ask no provider
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    pub(crate) format: FormatOptions,
}

const SAFE: &str = "\
Providers are asked what costs nothing: their metadata, their sign-in page without a session, and introspection or a
refresh of a token that was made up for it. No token, code or consent of a grant is shown or spent.

Exit codes: 0 nothing fails; 7 the store or its keys; 5 a provider rejects a client; 4 a provider cannot be reached;
1 anything else. The first failure that is shown decides.";

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let Options { clients, offline, store, format: FormatOptions { format } } = options;
    let (mut here, usable) = installation::before_opening(&store).await?;
    let mut sections = Vec::new();
    if usable {
        let opened = with_session(&store, async |session| {
            let status = installation::opened(session).await;
            Ok((status, examined(session, &clients, offline).await?))
        })
        .await;
        match opened {
            Ok((status, examined)) => {
                here.extend(status);
                sections = examined;
            }
            Err(failure) if failure.exit() == Exit::Interrupted || failure.exit() == Exit::NotFound => {
                return Err(failure);
            }
            Err(failure) => here.push(installation::unusable("store", &failure)),
        }
    }
    sections.insert(0, Section { title: "This installation".to_owned(), client: None, findings: here });
    match format {
        Format::Json => output::print_json(&view(&sections))?,
        Format::Text => output::print(&table::render(&sections))?,
    }
    let failed = all(&sections).find(|finding| finding.verdict == Verdict::Fails);
    failed.map_or(Ok(()), |finding| Err(Failure::told(finding.exit)))
}

async fn examined(session: &Session, wanted: &[ClientName], offline: bool) -> Result<Vec<Section>, Failure> {
    let mut clients = Vec::new();
    for name in wanted {
        clients.push(session.client(name).await?);
    }
    if wanted.is_empty() {
        clients = session.keeper.clients(&session.namespace).await?;
    }
    let mut sections = Vec::new();
    for client in &clients {
        let mut findings = if offline {
            Vec::new()
        } else {
            client::examined(client, &session.keeper.examine(client).await)
        };
        findings.extend(client::on_record(client));
        findings.extend(advice::of(session, client).await?);
        sections.push(Section { title: title(client), client: Some(client.name.clone()), findings });
    }
    if sections.is_empty() {
        let none = Finding::advice("clients", "no clients in this namespace", "evergrant clients add --help");
        sections.push(Section { title: "Clients".to_owned(), client: None, findings: vec![none] });
    }
    Ok(sections)
}

fn title(client: &ClientRecord) -> String {
    let place = client
        .issuer
        .clone()
        .or_else(|| client.endpoints.token.as_ref()?.host_str().map(str::to_owned))
        .unwrap_or_default();
    // A provider that the catalogue does not know has no name to be told.
    match client.provider.id.as_str() {
        "generic" => format!("Client {} at {place}", client.name),
        _ => format!("Client {} at {place} ({})", client.name, client.provider.name),
    }
}
