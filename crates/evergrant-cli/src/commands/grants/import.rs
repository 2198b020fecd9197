//! `evergrant grants import`.

mod many;
mod progress;
mod report;
mod source;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use evergrant::{
    NewGrant,
    proto::{
        grant::Owner,
        name::{ClientName, GrantId},
        scope::ScopeSet,
        secret::{AccessToken, RefreshToken},
    },
};
use zeroize::Zeroizing;

pub(crate) use self::report::read_report;
use super::show;
use crate::{
    cli::Format,
    commands::arguments::{pair, scopes, seconds, union},
    failure::Failure,
    input::SecretSource,
    output,
    session::Session,
};

#[derive(Debug, Args)]
#[command(override_usage = "evergrant grants import [OPTIONS] CLIENT
       evergrant grants import [OPTIONS] --client CLIENT FILE")]
pub(crate) struct Options {
    /// The client that the refresh token was issued to; with --client, a file of JSON lines (`-`: stdin)
    #[arg(value_name = "CLIENT|FILE")]
    what: String,
    /// Take over the grants of a file, a line of JSON each (docs/import.md); the client of lines that name none
    #[arg(long, value_name = "CLIENT", value_parser = ClientName::new)]
    client: Option<ClientName>,
    #[command(flatten)]
    many: many::Options,
    #[command(flatten)]
    one: One,
}

/// About a grant that comes alone.
#[derive(Debug, Args)]
#[group(id = "one_grant", multiple = true, conflicts_with = "client")]
struct One {
    /// Read the refresh token from stdin
    #[arg(long, conflicts_with = "refresh_token_file")]
    refresh_token_stdin: bool,
    /// Read the refresh token from a file
    #[arg(long, value_name = "FILE")]
    refresh_token_file: Option<PathBuf>,
    /// Read an access token that is still good from a file
    #[arg(long, value_name = "FILE")]
    access_token_file: Option<PathBuf>,
    /// How long that access token goes on living
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "access_token_file")]
    expires_in: Option<Duration>,
    /// The scopes that were granted, as far as known; may be repeated
    #[arg(long, value_parser = scopes)]
    scope: Vec<ScopeSet>,
    /// Your id of the person
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// The person's identifier at the provider (`sub`)
    #[arg(long)]
    subject: Option<String>,
    /// A label; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// Give the refresh token to this grant instead of making a new one
    #[arg(long, value_name = "GRANT")]
    into: Option<GrantId>,
}

/// What to do, with the secrets that it takes.
#[derive(Debug)]
pub(super) enum Prepared {
    One(Box<Alone>),
    Many(Box<many::Prepared>),
}

/// A grant that comes alone.
#[derive(Debug)]
pub(super) struct Alone {
    client: ClientName,
    options: One,
    refresh_token: RefreshToken,
    access_token: Option<AccessToken>,
}

impl Options {
    /// Reads the tokens, or opens the file.
    pub(super) async fn prepare(self) -> Result<Prepared, Failure> {
        let Self { what, client, many, one } = self;
        let reading = tokio::task::spawn_blocking(move || match client {
            Some(client) => many.prepare(what.as_ref(), client).map(|many| Prepared::Many(Box::new(many))),
            None => one.prepare(&what).map(|alone| Prepared::One(Box::new(alone))),
        });
        reading.await.map_err(|error| Failure::new("cannot read what is to be imported", error))?
    }
}

impl One {
    /// Blocks.
    fn prepare(self, client: &str) -> Result<Alone, Failure> {
        let client = ClientName::new(client).map_err(|error| Failure::usage(error.to_string()))?;
        let (refresh, access) = self.read()?;
        let unusable = |what: &str, error| Failure::new(&format!("the {what} cannot be used"), error);
        let refresh_token =
            RefreshToken::new(refresh.as_str()).map_err(|error| unusable("refresh token", error))?;
        let access_token = access.map(|text| AccessToken::new(text.as_str())).transpose();
        let access_token = access_token.map_err(|error| unusable("access token", error))?;
        Ok(Alone { client, options: self, refresh_token, access_token })
    }

    fn read(&self) -> Result<(Zeroizing<String>, Option<Zeroizing<String>>), Failure> {
        let source = SecretSource::of(self.refresh_token_stdin, self.refresh_token_file.as_deref());
        let source = source.ok_or_else(|| {
            Failure::usage("nobody says what the refresh token is")
                .advise("give --refresh-token-file FILE or --refresh-token-stdin")
        })?;
        let refresh = source.read("refresh token")?;
        let access = self.access_token_file.as_deref().map(SecretSource::File);
        Ok((refresh, access.map(|source| source.read("access token")).transpose()?))
    }
}

pub(super) async fn run(session: &Session, prepared: Prepared, format: Format) -> Result<(), Failure> {
    match prepared {
        Prepared::One(alone) => run_one(session, *alone, format).await,
        Prepared::Many(many) => many::run(session, *many, format).await,
    }
}

async fn run_one(session: &Session, alone: Alone, format: Format) -> Result<(), Failure> {
    let Alone { client, options, refresh_token, access_token } = alone;
    session.client(&client).await?;
    if let Some(into) = options.into {
        session.grant(into).await?;
    }
    let ends = options.expires_in.map(|left| session.keeper.clock().now().wall.plus(left));
    let new = NewGrant {
        namespace: session.namespace.clone(),
        access_token: access_token.map(|token| (token, ends)),
        scopes: union(&options.scope),
        owner: Owner {
            subject: options.subject,
            tenant: None,
            external_id: options.external_id,
            labels: options.label.into_iter().collect(),
        },
        into: options.into,
        ..NewGrant::new(client, refresh_token)
    };
    let grant = session.keeper.import(new).await?;
    match format {
        Format::Json => output::print_json(&show::view(&grant, &session.keeper.recent_remedy_rates().await)),
        Format::Text => {
            output::print(&grant.id.to_string())?;
            output::note("the refresh token is kept here now: let no other program use it");
            Ok(())
        }
    }
}
