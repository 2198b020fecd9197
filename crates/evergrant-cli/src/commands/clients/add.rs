//! `evergrant clients add`.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use evergrant::{
    NewClient, ReturnUrl,
    proto::{
        client::{Branding, Color, DisplayName},
        name::ClientName,
        provider::{Endpoints, RotationPolicy},
        scope::ScopeSet,
        secret::ClientSecret,
        wire::{
            client_authentication::{AuthenticationMethod, ClientIdentifier},
            redirect_uri::RedirectUri,
        },
    },
};
use url::Url;

use super::{Method, read_secret, show};
use crate::{
    cli::Format,
    commands::arguments::{identifier, pair, redirect_uri, rotation, scopes, union},
    failure::Failure,
    output,
    session::Session,
};

/// Where `connect` listens if nothing else is said: any port (RFC 8252 7.3).
const USUAL_REDIRECT_URI: &str = "http://127.0.0.1/callback";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Your name of it, such as `google` or `crm-eu`
    #[arg(value_parser = ClientName::new)]
    client: ClientName,
    /// The provider's identifier of the registration (`client_id`)
    #[arg(long, value_parser = identifier)]
    client_id: ClientIdentifier,
    /// The issuer, whose metadata name the endpoints
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The entry of the catalogue
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// A value for a placeholder of the catalogue's addresses (`tenant=contoso`)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    parameter: Vec<(String, String)>,
    #[command(flatten)]
    endpoints: EndpointOptions,
    /// Read the client secret from stdin
    #[arg(long, conflicts_with_all = ["secret_file", "public"])]
    secret_stdin: bool,
    /// Read the client secret from a file
    #[arg(long, value_name = "FILE", conflicts_with = "public")]
    secret_file: Option<PathBuf>,
    /// The client has no secret
    #[arg(long)]
    public: bool,
    /// How it authenticates [default: the best that the provider offers]
    #[arg(long, value_enum)]
    authentication: Option<Method>,
    /// A redirect URI as registered at the provider; may be repeated [default: http://127.0.0.1/callback]
    #[arg(long, value_name = "URI", value_parser = redirect_uri)]
    redirect_uri: Vec<RedirectUri>,
    /// Scopes to ask for; may be repeated
    #[arg(long, value_parser = scopes)]
    scope: Vec<ScopeSet>,
    /// An address that users may be returned to; may be repeated
    #[arg(long, value_name = "URL")]
    return_url: Vec<ReturnUrl>,
    /// What the provider does with used refresh tokens, if the catalogue does not know: `one_time`, `grace_same,window=30`
    #[arg(long, value_name = "KIND", value_parser = rotation)]
    rotation: Option<RotationPolicy>,
    /// Leave refresh tokens that nobody needs to end unused
    #[arg(long)]
    no_keep_alive: bool,
    /// What users call the app, on the pages that they see [default: your name of the client]
    #[arg(long, value_name = "NAME", help_heading = "Pages")]
    brand_name: Option<DisplayName>,
    /// The colour of what they click there (`#0a5fd0`)
    #[arg(long, value_name = "#RRGGBB", help_heading = "Pages")]
    brand_color: Option<Color>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the names are those of RFC 8414 2, and of the options")]
struct EndpointOptions {
    /// The token endpoint (RFC 6749 3.2)
    #[arg(long, value_name = "URL", help_heading = "Endpoints")]
    token_endpoint: Option<Url>,
    /// The authorization endpoint (RFC 6749 3.1)
    #[arg(long, value_name = "URL", help_heading = "Endpoints")]
    authorization_endpoint: Option<Url>,
    /// The revocation endpoint (RFC 7009)
    #[arg(long, value_name = "URL", help_heading = "Endpoints")]
    revocation_endpoint: Option<Url>,
    /// The introspection endpoint (RFC 7662)
    #[arg(long, value_name = "URL", help_heading = "Endpoints")]
    introspection_endpoint: Option<Url>,
    /// The device authorization endpoint (RFC 8628)
    #[arg(long, value_name = "URL", help_heading = "Endpoints")]
    device_authorization_endpoint: Option<Url>,
}

pub(super) struct Prepared {
    options: Options,
    secret: Option<ClientSecret>,
}

impl Options {
    /// Reads the secret.
    pub(super) async fn prepare(mut self) -> Result<Prepared, Failure> {
        let public = self.public || self.authentication == Some(Method::None);
        let secret =
            if public { None } else { read_secret(self.secret_stdin, self.secret_file.take()).await? };
        if !public && secret.is_none() {
            return Err(Failure::usage("nobody says what the client secret is")
                .advise("give --secret-file FILE, --secret-stdin, or --public if there is none"));
        }
        Ok(Prepared { options: self, secret })
    }
}

pub(super) async fn run(session: &Session, prepared: Prepared, format: Format) -> Result<(), Failure> {
    let Prepared { options, secret } = prepared;
    let usual_redirect = options.redirect_uri.is_empty();
    let new = new_client(session, options, secret);
    let client = session.keeper.add_client(new).await?;
    match format {
        Format::Json => {
            return output::print_json(&show::view(&client, &session.keeper.recent_remedy_rates().await));
        }
        Format::Text => output::print(&format!("added client {}", client.name))?,
    }
    if usual_redirect {
        output::note(&format!("register {USUAL_REDIRECT_URI} as its redirect URI at the provider"));
    }
    output::note(&format!("next: evergrant connect {}", client.name));
    Ok(())
}

fn new_client(session: &Session, options: Options, secret: Option<ClientSecret>) -> NewClient {
    let usual = || vec![RedirectUri::new(USUAL_REDIRECT_URI).expect("a constant")];
    let public = options.public.then_some(AuthenticationMethod::None);
    let EndpointOptions {
        token_endpoint,
        authorization_endpoint,
        revocation_endpoint,
        introspection_endpoint,
        device_authorization_endpoint,
    } = options.endpoints;
    NewClient {
        namespace: session.namespace.clone(),
        name: options.client,
        provider: options.provider,
        issuer: options.issuer,
        endpoints: Endpoints {
            authorization: authorization_endpoint,
            token: token_endpoint,
            revocation: revocation_endpoint,
            introspection: introspection_endpoint,
            device_authorization: device_authorization_endpoint,
            ..Endpoints::default()
        },
        parameters: BTreeMap::from_iter(options.parameter),
        identifier: options.client_id,
        secret,
        authentication: public.or(options.authentication.map(AuthenticationMethod::from)),
        redirect_uris: if options.redirect_uri.is_empty() { usual() } else { options.redirect_uri },
        scopes: union(&options.scope),
        return_urls: options.return_url,
        rotation: options.rotation,
        keep_alive: !options.no_keep_alive,
        branding: Branding { name: options.brand_name, color: options.brand_color },
    }
}
