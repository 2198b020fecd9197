//! `evergrant connect`: an account is led through its provider, and its grant is kept from then on.

mod browser;
mod device;
mod link;
mod listener;
mod page;
mod pasted;

use std::time::Duration;

use clap::Args;
use evergrant::{
    AuthorizationOptions,
    proto::{
        engine::CallbackEnd,
        grant::{GrantRecord, Owner},
        name::{ClientName, GrantId},
        scope::ScopeSet,
    },
};
use serde_json::json;

use super::arguments::{pair, scopes, seconds, union};
use crate::{
    cli::{Format, FormatOptions, StoreOptions},
    failure::Failure,
    output,
    session::{Session, with_session},
};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    pub(crate) format: FormatOptions,
    /// The client to connect with
    #[arg(value_parser = ClientName::new)]
    client: ClientName,
    /// Repair this grant; it keeps its id
    #[arg(long)]
    grant: Option<GrantId>,
    /// Make a new grant even if this account has one
    #[arg(long, conflicts_with = "grant")]
    new: bool,
    /// Show a code to be typed on another device (RFC 8628)
    #[arg(long, conflicts_with = "no_browser")]
    device: bool,
    /// Print the link instead of opening it; the address that the browser ends up at can be pasted
    #[arg(long)]
    no_browser: bool,
    /// Who shall sign in, as the provider's page may be told
    #[arg(long, value_name = "NAME")]
    login_hint: Option<String>,
    /// Scopes to ask for; may be repeated [default: the client's]
    #[arg(long, value_parser = scopes)]
    scope: Vec<ScopeSet>,
    /// A resource indicator (RFC 8707); may be repeated
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// Your id of the person
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// A label; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// Wait at most so long for the person to come back
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "600")]
    timeout: Duration,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let format = options.format.format;
    with_session(&options.store, async |session| {
        session.client(&options.client).await?;
        if let Some(id) = options.grant {
            check(&session.grant(id).await?, &options.client)?;
        }
        let end = if options.device {
            device::lead(session, &options).await?
        } else {
            link::lead(session, &options).await?
        };
        conclude(&end, options.grant.is_some(), format)
    })
    .await
}

fn check(grant: &GrantRecord, client: &ClientName) -> Result<(), Failure> {
    if grant.client == *client {
        return Ok(());
    }
    Err(Failure::usage(format!("grant {} belongs to client {}", grant.id, grant.client))
        .advise(format!("run `evergrant connect {} --grant {}`", grant.client, grant.id)))
}

fn conclude(end: &CallbackEnd, repair: bool, format: Format) -> Result<(), Failure> {
    if let Some(failure) = Failure::without_grant(end) {
        return Err(failure);
    }
    let CallbackEnd::Connected { grant, .. } = end else { unreachable!("every other end is a failure") };
    match format {
        Format::Json => output::print_json(&json!({
            "grant": grant.id,
            "client": grant.client,
            "state": grant.state.name(),
            "scope": grant.granted,
            "subject": grant.owner.subject,
            "generation": grant.generation,
        })),
        Format::Text => {
            output::print(&grant.id.to_string())?;
            let what = if repair { "reconnected" } else { "connected" };
            output::note(&format!("{what}; next: evergrant token {}", grant.id));
            if grant.state.name() == "not_refreshable" {
                output::note(
                    "the provider issued no refresh token: ask for offline access, such as --scope offline_access",
                );
            }
            Ok(())
        }
    }
}

impl Options {
    fn authorization(&self, session: &Session) -> AuthorizationOptions {
        AuthorizationOptions {
            namespace: session.namespace.clone(),
            grant: self.grant,
            always_new: self.new,
            owner: Owner {
                external_id: self.external_id.clone(),
                labels: self.label.iter().cloned().collect(),
                ..Owner::default()
            },
            scopes: union(&self.scope),
            resources: self.resource.clone(),
            login_hint: self.login_hint.clone(),
            ..AuthorizationOptions::new(self.client.clone())
        }
    }

    /// Nobody came back in time.
    fn timed_out(&self) -> Failure {
        Failure::new("nobody came back from the provider", format!("waited {} s", self.timeout.as_secs()))
            .advise("run the command again, with --timeout for longer")
    }
}
