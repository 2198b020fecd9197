//! A client, without its secret.

use std::collections::BTreeMap;

use evergrant::proto::{
    client::{Branding, ClientRecord, Comparison},
    name::ClientName,
    provider::{Endpoints, RotationPolicy},
    wire::{
        client_authentication::{AuthenticationMethod, ClientIdentifier},
        redirect_uri::RedirectUri,
    },
};
use serde::Serialize;

use super::{list, time};

#[derive(Debug, Serialize)]
pub(crate) struct ClientView<'a> {
    name: &'a ClientName,
    /// The id of its catalogue entry.
    provider: &'a str,
    issuer: Option<&'a str>,
    endpoints: &'a Endpoints,
    parameters: &'a BTreeMap<String, String>,
    client_id: &'a ClientIdentifier,
    has_secret: bool,
    authentication: AuthenticationMethod,
    redirect_uris: &'a [RedirectUri],
    scopes: Vec<&'a str>,
    return_urls: &'a [String],
    rotation: &'a RotationPolicy,
    /// What its answers have shown, and where that speaks against what is stated.
    learned: Comparison,
    /// Whether refresh tokens that nobody needs are used before the provider ends them.
    keep_alive: bool,
    /// How pages name and colour the app.
    branding: &'a Branding,
    /// Whether the provider rejects the registration, so that grants pause.
    suspended: bool,
    version: u64,
    created_at: String,
    updated_at: String,
}

impl<'a> ClientView<'a> {
    pub(crate) fn new(client: &'a ClientRecord) -> Self {
        Self {
            name: &client.name,
            provider: &client.provider.id,
            issuer: client.issuer.as_deref(),
            endpoints: &client.endpoints,
            parameters: &client.parameters,
            client_id: &client.identifier,
            has_secret: client.secret.is_some(),
            authentication: client.authentication,
            redirect_uris: &client.redirect_uris,
            scopes: list(&client.scopes),
            return_urls: &client.return_urls,
            rotation: &client.provider.rotation,
            learned: client.learned.compared_with(&client.provider),
            keep_alive: client.keep_alive,
            branding: &client.branding,
            suspended: !client.breaker.is_closed(),
            version: client.version,
            created_at: time(client.created_at),
            updated_at: time(client.updated_at),
        }
    }
}
