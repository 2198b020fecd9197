//! `POST /v1/clients`: adds a client.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use evergrant::{
    NewClient,
    proto::{
        name::ClientName,
        provider::{Endpoints, RotationPolicy},
        wire::{
            client_authentication::{AuthenticationMethod, ClientIdentifier},
            redirect_uri::RedirectUri,
        },
    },
};
use serde::Deserialize;

use super::{branding::BrandingBody, client_secret, endpoints, return_urls};
use crate::{
    app::App,
    extract::{Body, Caller, Object, Scopes, Secret},
    problem::{Problem, Reason},
    view::ClientView,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddClient {
    name: ClientName,
    /// The id of a catalogue entry.
    provider: Option<String>,
    issuer: Option<String>,
    #[serde(default, deserialize_with = "endpoints::deserialize")]
    endpoints: Endpoints,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    client_id: ClientIdentifier,
    secret: Option<Secret>,
    authentication: Option<AuthenticationMethod>,
    /// The first is the default; none given: this server's own.
    redirect_uris: Option<Vec<RedirectUri>>,
    #[serde(default)]
    scopes: Scopes,
    #[serde(default)]
    return_urls: Vec<String>,
    rotation: Option<Object<RotationPolicy>>,
    /// `false`: refresh tokens that nobody needs are left to end unused.
    keep_alive: Option<bool>,
    /// How pages name and colour the app.
    branding: Option<Object<BrandingBody>>,
}

pub(crate) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<AddClient>,
) -> Result<Response, Problem> {
    let redirect_uris = match body.redirect_uris {
        Some(uris) => uris,
        None => vec![own_callback(&app)?],
    };
    let new = NewClient {
        namespace: caller.namespace,
        name: body.name,
        provider: body.provider,
        issuer: body.issuer,
        endpoints: body.endpoints,
        parameters: body.parameters,
        identifier: body.client_id,
        secret: client_secret(body.secret.as_ref())?,
        authentication: body.authentication,
        redirect_uris,
        scopes: body.scopes.0,
        return_urls: return_urls(body.return_urls)?,
        rotation: body.rotation.map(|Object(rotation)| rotation),
        keep_alive: body.keep_alive.unwrap_or(true),
        branding: body.branding.map(|Object(branding)| branding.into()).unwrap_or_default(),
    };
    let client = app.keeper.add_client(new).await?;
    let location = format!("/v1/clients/{}", client.name);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(ClientView::new(&client))).into_response())
}

fn own_callback(app: &App) -> Result<RedirectUri, Problem> {
    RedirectUri::new(app.config.callback()).map_err(|error| {
        Problem::new(
            Reason::Unprocessable,
            format!("This server's public URL gives no redirect URI: {error}."),
        )
    })
}
