//! `PATCH /v1/clients/{name}`: changes what the body names. New credentials end a suspension at once.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use evergrant::{
    ClientChanges,
    proto::{
        provider::RotationPolicy,
        wire::{
            client_authentication::{AuthenticationMethod, ClientIdentifier},
            redirect_uri::RedirectUri,
        },
    },
};
use serde::Deserialize;

use super::{branding::BrandingBody, client_secret, return_urls};
use crate::{
    app::App,
    extract::{Body, Caller, ClientPath, Object, Scopes, Secret},
    problem::Problem,
    view::ClientView,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateClient {
    client_id: Option<ClientIdentifier>,
    secret: Option<Secret>,
    authentication: Option<AuthenticationMethod>,
    redirect_uris: Option<Vec<RedirectUri>>,
    scopes: Option<Scopes>,
    return_urls: Option<Vec<String>>,
    rotation: Option<Object<RotationPolicy>>,
    keep_alive: Option<bool>,
    branding: Option<Object<BrandingBody>>,
}

pub(crate) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    ClientPath(name): ClientPath,
    Body(body): Body<UpdateClient>,
) -> Result<Response, Problem> {
    let changes = ClientChanges {
        identifier: body.client_id,
        secret: client_secret(body.secret.as_ref())?,
        authentication: body.authentication,
        redirect_uris: body.redirect_uris,
        scopes: body.scopes.map(|scopes| scopes.0),
        return_urls: body.return_urls.map(return_urls).transpose()?,
        rotation: body.rotation.map(|Object(rotation)| rotation),
        keep_alive: body.keep_alive,
        branding: body.branding.map(|Object(branding)| branding.into()),
    };
    let client = app.keeper.update_client(&caller.namespace, &name, changes).await?;
    Ok(Json(ClientView::new(&client)).into_response())
}
