//! `evergrant grants list`.

use clap::Args;
use evergrant::{
    proto::{grant::GrantRecord, name::ClientName},
    store::GrantFilter,
};

use super::{show, tone};
use crate::{
    cli::Format,
    commands::arguments::pair,
    failure::Failure,
    output::{
        self,
        style::{self, Tone},
        table::Table,
    },
    session::Session,
};

/// Grants read at once.
const PAGE: usize = 500;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only those of this client
    #[arg(long, value_parser = ClientName::new)]
    client: Option<ClientName>,
    /// Only those in this state
    #[arg(long, value_parser = ["active", "degraded", "needs_reauthorization", "not_refreshable", "revoked"])]
    state: Option<String>,
    /// Only those of this person, by your id
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Only those with this label; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// At most so many
    #[arg(long, default_value_t = 1000)]
    limit: usize,
}

pub(super) async fn run(session: &Session, options: Options, format: Format) -> Result<(), Failure> {
    let limit = options.limit;
    let grants = read(session, options).await?;
    if format == Format::Json {
        let rates = session.keeper.recent_remedy_rates().await;
        return output::print_json(&grants.iter().map(|grant| show::view(grant, &rates)).collect::<Vec<_>>());
    }
    if grants.is_empty() {
        output::note(
            "no such grants in this namespace; make one with `evergrant connect` or `evergrant grants import`",
        );
        return Ok(());
    }
    let mut table = Table::new(&["GRANT", "CLIENT", "OWNER", "STATE", "CAUSE", "LAST SUCCESS"]);
    for grant in &grants {
        let owner = grant.owner.external_id.as_ref().or(grant.owner.subject.as_ref());
        let cause = grant.state.diagnosis().map(|known| known.cause.to_string());
        table.row([
            (Tone::Plain, grant.id.to_string()),
            (Tone::Plain, grant.client.to_string()),
            (Tone::Plain, owner.cloned().unwrap_or_else(|| "-".to_owned())),
            (tone(&grant.state), grant.state.name().to_owned()),
            (Tone::Plain, cause.unwrap_or_else(|| "-".to_owned())),
            (Tone::Plain, grant.last_success_at.to_string()),
        ]);
    }
    output::print(&table.render(style::of_stdout()))?;
    if grants.len() == limit {
        output::note(&format!("there may be more than {limit}: see --limit"));
    }
    Ok(())
}

/// Reads page after page.
async fn read(session: &Session, options: Options) -> Result<Vec<GrantRecord>, Failure> {
    let mut filter = GrantFilter {
        client: options.client,
        state: options.state,
        external_id: options.external_id,
        labels: options.label,
        ..GrantFilter::all(session.namespace.clone(), PAGE)
    };
    let mut grants = Vec::new();
    while grants.len() < options.limit {
        filter.limit = PAGE.min(options.limit - grants.len());
        let page = session.keeper.grants(filter.clone()).await?;
        filter.after = page.last().map(|grant| grant.id);
        let full = page.len() == filter.limit;
        grants.extend(page);
        if !full {
            break;
        }
    }
    Ok(grants)
}
