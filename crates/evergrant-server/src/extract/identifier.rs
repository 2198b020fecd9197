//! Ids and names in paths. What is none names nothing: 404, as for one that does not exist.

use std::{convert::Infallible, sync::Arc};

use axum::{
    RequestPartsExt,
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use evergrant::{
    proto::name::{AuthorizationId, ClientName, GrantId, Namespace},
    store::{access::ApiKeyId, webhook::WebhookId},
};

use super::{Caller, shown};
use crate::{
    app::App,
    problem::{Problem, Reason},
};

/// A grant that the caller may see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrantPath(pub(crate) GrantId);

/// The name of a client.
#[derive(Debug)]
pub(crate) struct ClientPath(pub(crate) ClientName);

/// The id of an authorization.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AuthorizationPath(pub(crate) AuthorizationId);

/// The id of an API key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApiKeyPath(pub(crate) ApiKeyId);

/// The name of a namespace.
#[derive(Debug)]
pub(crate) struct NamespacePath(pub(crate) Namespace);

/// The id of a webhook.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WebhookPath(pub(crate) WebhookId);

/// Some other text. One that is not UTF-8 is empty, and names nothing.
#[derive(Debug)]
pub(crate) struct TextPath(pub(crate) String);

impl FromRequestParts<Arc<App>> for GrantPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let text = segment(parts, Reason::NoSuchGrant).await?;
        let id: GrantId = text.parse().map_err(|_| absent(Reason::NoSuchGrant, "grant", &text))?;
        let Ok(caller) = parts.extract::<Caller>().await;
        app.admit(&caller, id).await?;
        Ok(Self(id))
    }
}

impl<S: Sync> FromRequestParts<S> for ClientPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = segment(parts, Reason::NoSuchClient).await?;
        ClientName::new(&text).map(Self).map_err(|_| absent(Reason::NoSuchClient, "client", &text))
    }
}

impl<S: Sync> FromRequestParts<S> for AuthorizationPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = segment(parts, Reason::NoSuchAuthorization).await?;
        let id = text.parse().map_err(|_| absent(Reason::NoSuchAuthorization, "authorization", &text))?;
        Ok(Self(id))
    }
}

impl<S: Sync> FromRequestParts<S> for ApiKeyPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = segment(parts, Reason::NoSuchApiKey).await?;
        // A key itself in this place must not come back in the answer.
        text.parse().map(Self).map_err(|_| Problem::of(Reason::NoSuchApiKey))
    }
}

impl<S: Sync> FromRequestParts<S> for NamespacePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = segment(parts, Reason::NoSuchNamespace).await?;
        Namespace::new(&text).map(Self).map_err(|_| absent(Reason::NoSuchNamespace, "namespace", &text))
    }
}

impl<S: Sync> FromRequestParts<S> for WebhookPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = segment(parts, Reason::NoSuchWebhook).await?;
        text.parse().map(Self).map_err(|_| absent(Reason::NoSuchWebhook, "webhook", &text))
    }
}

impl<S: Sync> FromRequestParts<S> for TextPath {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extract::<Path<String>>().await.map(|Path(text)| text).unwrap_or_default()))
    }
}

/// The only parameter of the path; one that is not UTF-8 names nothing.
async fn segment(parts: &mut Parts, reason: Reason) -> Result<String, Problem> {
    parts.extract::<Path<String>>().await.map(|Path(text)| text).map_err(|_| Problem::of(reason))
}

fn absent(reason: Reason, kind: &str, text: &str) -> Problem {
    Problem::new(reason, format!("There is no {kind} {:?}.", shown(text)))
}
