//! `evergrant clients update`.

use std::path::PathBuf;

use clap::Args;
use evergrant::{
    ClientChanges, ReturnUrl,
    proto::{
        client::{Branding, ClientRecord, Color, DisplayName},
        name::ClientName,
        provider::RotationPolicy,
        scope::ScopeSet,
        secret::ClientSecret,
        wire::{client_authentication::ClientIdentifier, redirect_uri::RedirectUri},
    },
};

use super::{Method, read_secret, show};
use crate::{
    cli::Format,
    commands::arguments::{identifier, redirect_uri, rotation, scopes, union},
    failure::Failure,
    output,
    session::Session,
};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The client
    #[arg(value_parser = ClientName::new)]
    client: ClientName,
    /// Another identifier
    #[arg(long, value_parser = identifier)]
    client_id: Option<ClientIdentifier>,
    /// Read a new client secret from stdin
    #[arg(long, conflicts_with_all = ["secret_file", "secret_prompt"])]
    secret_stdin: bool,
    /// Read a new client secret from a file
    #[arg(long, value_name = "FILE", conflicts_with = "secret_prompt")]
    secret_file: Option<PathBuf>,
    /// Type a new client secret
    #[arg(long)]
    secret_prompt: bool,
    /// Another way to authenticate
    #[arg(long, value_enum)]
    authentication: Option<Method>,
    /// All redirect URIs; may be repeated
    #[arg(long, value_name = "URI", value_parser = redirect_uri)]
    redirect_uri: Vec<RedirectUri>,
    /// All scopes to ask for; may be repeated
    #[arg(long, value_parser = scopes)]
    scope: Vec<ScopeSet>,
    /// All addresses that users may be returned to; may be repeated
    #[arg(long, value_name = "URL")]
    return_url: Vec<ReturnUrl>,
    /// What the provider does with used refresh tokens
    #[arg(long, value_name = "KIND", value_parser = rotation)]
    rotation: Option<RotationPolicy>,
    /// Whether refresh tokens that nobody needs are used before the provider ends them
    #[arg(long, value_name = "true|false")]
    keep_alive: Option<bool>,
    /// What users call the app, on the pages that they see
    #[arg(long, value_name = "NAME", help_heading = "Pages")]
    brand_name: Option<DisplayName>,
    /// The colour of what they click there (`#0a5fd0`)
    #[arg(long, value_name = "#RRGGBB", help_heading = "Pages")]
    brand_color: Option<Color>,
    /// Show your name of the client and the usual colour again
    #[arg(long, help_heading = "Pages", conflicts_with_all = ["brand_name", "brand_color"])]
    no_brand: bool,
}

pub(super) struct Prepared {
    options: Options,
    secret: Option<ClientSecret>,
}

impl Options {
    /// Reads the secret, if a new one is announced.
    pub(super) async fn prepare(mut self) -> Result<Prepared, Failure> {
        let announced = self.secret_stdin || self.secret_file.is_some() || self.secret_prompt;
        let secret =
            if announced { read_secret(self.secret_stdin, self.secret_file.take()).await? } else { None };
        if announced && secret.is_none() {
            return Err(Failure::usage("there is no terminal to type a secret on")
                .advise("give --secret-file FILE or --secret-stdin"));
        }
        Ok(Prepared { options: self, secret })
    }
}

pub(super) async fn run(session: &Session, prepared: Prepared, format: Format) -> Result<(), Failure> {
    let Prepared { options, secret } = prepared;
    let client = session.client(&options.client).await?;
    let branding = branding(&options, client);
    let changes = ClientChanges {
        identifier: options.client_id,
        secret,
        authentication: options.authentication.map(Into::into),
        redirect_uris: Some(options.redirect_uri).filter(|uris| !uris.is_empty()),
        scopes: Some(union(&options.scope)).filter(|scopes| !scopes.is_empty()),
        return_urls: Some(options.return_url).filter(|urls| !urls.is_empty()),
        rotation: options.rotation,
        keep_alive: options.keep_alive,
        branding,
    };
    let client = session.keeper.update_client(&session.namespace, &options.client, changes).await?;
    match format {
        Format::Json => output::print_json(&show::view(&client, &session.keeper.recent_remedy_rates().await)),
        Format::Text => {
            output::print(&format!("updated client {}; its grants resume by themselves", client.name))
        }
    }
}

/// What pages show from now on, if that is to change.
fn branding(options: &Options, client: ClientRecord) -> Option<Branding> {
    let (name, color) = (options.brand_name.clone(), options.brand_color);
    if options.no_brand {
        return Some(Branding::default());
    }
    let changed = name.is_some() || color.is_some();
    changed.then(|| Branding { name: name.or(client.branding.name), color: color.or(client.branding.color) })
}
