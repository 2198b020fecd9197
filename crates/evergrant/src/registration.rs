//! Clients: adding them, with what their provider says of itself, and changing them.

mod discovery;

use std::collections::BTreeMap;

use evergrant_proto::{
    client::{Branding, Breaker, ClientRecord, Learned, Probation},
    name::{ClientName, Namespace},
    provider::{Endpoints, Provider, RotationPolicy},
    scope::ScopeSet,
    secret::ClientSecret,
    transaction::{Command, Conflict, PutClient, Reply},
    wire::{
        client_authentication::{AuthenticationMethod, ClientIdentifier},
        metadata::Metadata,
        redirect_uri::RedirectUri,
    },
};
use evergrant_store::StoreError;

use crate::{Keeper, ReturnUrl};

/// A client to be added.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// The tenant boundary.
    pub namespace: Namespace,
    /// Our name of it.
    pub name: ClientName,
    /// The catalogue entry; `None`: `generic`.
    pub provider: Option<String>,
    /// The issuer: its metadata fill in what the catalogue does not say.
    pub issuer: Option<String>,
    /// Endpoints that are said outright; they win over everything else.
    pub endpoints: Endpoints,
    /// Values for the placeholders of the catalogue's addresses.
    pub parameters: BTreeMap<String, String>,
    /// The provider's identifier of the registration.
    pub identifier: ClientIdentifier,
    /// The secret of a confidential client.
    pub secret: Option<ClientSecret>,
    /// How it authenticates; `None`: the best that the provider offers and the secret allows.
    pub authentication: Option<AuthenticationMethod>,
    /// Redirect URIs registered at the provider.
    pub redirect_uris: Vec<RedirectUri>,
    /// What is asked for when an authorization does not say.
    pub scopes: ScopeSet,
    /// Whereto users may be returned.
    pub return_urls: Vec<ReturnUrl>,
    /// What this provider does with used refresh tokens, if the catalogue does not know.
    pub rotation: Option<RotationPolicy>,
    /// Use refresh tokens that nobody needs before the provider ends them for not being used.
    pub keep_alive: bool,
    /// How pages name and colour the app.
    pub branding: Branding,
}

impl NewClient {
    /// A public client of a provider that is still to be named, by `issuer`, `provider` or `endpoints`.
    pub fn new(name: ClientName, identifier: ClientIdentifier) -> Self {
        Self {
            namespace: Namespace::default(),
            name,
            provider: None,
            issuer: None,
            endpoints: Endpoints::default(),
            parameters: BTreeMap::new(),
            identifier,
            secret: None,
            authentication: None,
            redirect_uris: Vec::new(),
            scopes: ScopeSet::new(),
            return_urls: Vec::new(),
            rotation: None,
            keep_alive: true,
            branding: Branding::default(),
        }
    }
}

/// Changes of a client; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct ClientChanges {
    /// New identifier.
    pub identifier: Option<ClientIdentifier>,
    /// New secret.
    pub secret: Option<ClientSecret>,
    /// Another way to authenticate.
    pub authentication: Option<AuthenticationMethod>,
    /// All redirect URIs.
    pub redirect_uris: Option<Vec<RedirectUri>>,
    /// The scopes asked for by default.
    pub scopes: Option<ScopeSet>,
    /// All return URLs.
    pub return_urls: Option<Vec<ReturnUrl>>,
    /// What the provider does with used refresh tokens.
    pub rotation: Option<RotationPolicy>,
    /// Whether refresh tokens that nobody needs are kept alive.
    pub keep_alive: Option<bool>,
    /// How pages name and colour the app, as a whole.
    pub branding: Option<Branding>,
}

/// Why a client cannot be added or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The catalogue has no such entry.
    #[error(
        "the catalogue has no provider {0:?} (`evergrant providers list` has them all); leave it out and give the issuer instead"
    )]
    NoSuchProvider(String),
    /// The catalogue's addresses have placeholders that need values.
    #[error("{0}")]
    Endpoint(String),
    /// Nobody says where the token endpoint is.
    #[error("nobody says where the token endpoint is: give an issuer or the endpoint itself")]
    NoTokenEndpoint,
    /// The issuer's metadata could not be had.
    #[error("the metadata of {issuer} cannot be had: {reason}")]
    Discovery {
        /// The issuer.
        issuer: String,
        /// What was tried and what came of it.
        reason: String,
    },
    /// A confidential method without a secret.
    #[error("{0:?} needs a client secret")]
    SecretMissing(AuthenticationMethod),
    /// A client of this name exists.
    #[error("there is a client {0} already; change it with an update")]
    Exists(ClientName),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keeper {
    /// Adds a client.
    ///
    /// # Errors
    ///
    /// See [`ClientError`]; nothing is added then.
    pub async fn add_client(&self, new: NewClient) -> Result<ClientRecord, ClientError> {
        let mut provider = self.provider(new.provider.as_deref())?;
        if let Some(rotation) = &new.rotation {
            provider.rotation = rotation.clone();
        }
        let listed = match &new.issuer {
            // Its metadata have what the placeholders would have told.
            Some(_) => provider.resolve_known(&new.parameters),
            None => provider.resolve(&new.parameters),
        };
        let listed = listed.map_err(|error| ClientError::Endpoint(error.to_string()))?;
        let stated = new.endpoints.clone().or(listed);
        let metadata = self.metadata_of(&new, &provider, &stated).await?;
        let discovered = metadata.as_ref().map(|metadata| metadata.endpoints.clone()).unwrap_or_default();
        let endpoints = stated.or(discovered);
        if endpoints.token.is_none() {
            return Err(ClientError::NoTokenEndpoint);
        }
        let authentication = match new.authentication {
            Some(method) => method,
            None => best_method(&provider, metadata.as_ref(), new.secret.is_some()),
        };
        if authentication != AuthenticationMethod::None && new.secret.is_none() {
            return Err(ClientError::SecretMissing(authentication));
        }
        let now = self.clock().now().wall;
        let record = ClientRecord {
            name: new.name.clone(),
            namespace: new.namespace,
            version: 0,
            provider: provider.without_prose(),
            parameters: new.parameters,
            issuer: new.issuer.or(metadata.as_ref().map(|metadata| metadata.issuer.clone())),
            issuer_announced: metadata.is_some_and(|metadata| metadata.issuer_in_callback),
            endpoints,
            identifier: new.identifier,
            authentication,
            redirect_uris: new.redirect_uris,
            scopes: new.scopes,
            return_urls: texts(&new.return_urls),
            breaker: Breaker::default(),
            learned: Learned::default(),
            probation: Probation::default(),
            keep_alive: new.keep_alive,
            branding: new.branding,
            created_at: now,
            updated_at: now,
            removed_at: None,
            secret: new.secret,
        };
        match self.put(record, None).await {
            Err(StoreError::Conflict(Conflict::ClientChanged(_))) => Err(ClientError::Exists(new.name)),
            other => Ok(other?),
        }
    }

    /// Changes a client. Any change ends its suspension at once, and everything resumes.
    ///
    /// # Errors
    ///
    /// No such client, somebody else changed it meanwhile ([`Conflict::ClientChanged`]), or the store is away; nothing is
    /// changed then.
    pub async fn update_client(
        &self,
        namespace: &Namespace,
        name: &ClientName,
        changes: ClientChanges,
    ) -> Result<ClientRecord, StoreError> {
        let mut record = self.client(namespace, name).await?.ok_or(Conflict::NoSuchClient)?;
        let version = record.version;
        let ClientChanges {
            identifier,
            secret,
            authentication,
            redirect_uris,
            scopes,
            return_urls,
            rotation,
            keep_alive,
            branding,
        } = changes;
        record.identifier = identifier.unwrap_or(record.identifier);
        record.secret = secret.or(record.secret.take());
        record.authentication = authentication.unwrap_or(record.authentication);
        record.redirect_uris = redirect_uris.unwrap_or(record.redirect_uris);
        record.scopes = scopes.unwrap_or(record.scopes);
        record.return_urls = return_urls.as_deref().map_or(record.return_urls, texts);
        record.keep_alive = keep_alive.unwrap_or(record.keep_alive);
        record.branding = branding.unwrap_or(record.branding);
        let rotation = rotation.unwrap_or(record.provider.rotation.clone());
        // What is known of the provider now; its rotation policy may have been said when the client was added.
        if let Some(known) = self.catalogue().provider(&record.provider.id) {
            record.provider = known.clone().without_prose();
        }
        record.provider.rotation = rotation;
        self.put(record, Some(version)).await
    }

    /// Removes a client. Whether grants of it are left is not looked at: [`Keeper::grants`] lists them.
    ///
    /// # Errors
    ///
    /// No such client, somebody else changed it meanwhile ([`Conflict::ClientChanged`]), or the store is away.
    pub async fn remove_client(&self, namespace: &Namespace, name: &ClientName) -> Result<(), StoreError> {
        let mut record = self.client(namespace, name).await?.ok_or(Conflict::NoSuchClient)?;
        let version = record.version;
        record.removed_at = Some(self.clock().now().wall);
        record.secret = None;
        self.put(record, Some(version)).await.map(drop)
    }

    /// Reads a client. Its secret stays in its masked type.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn client(
        &self,
        namespace: &Namespace,
        name: &ClientName,
    ) -> Result<Option<ClientRecord>, StoreError> {
        let found = self.shared.store.client(namespace.clone(), name.clone()).await?;
        Ok(found.filter(|client| client.removed_at.is_none()))
    }

    /// Lists the clients of a namespace.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn clients(&self, namespace: &Namespace) -> Result<Vec<ClientRecord>, StoreError> {
        let mut clients = self.shared.store.clients(namespace.clone()).await?;
        clients.retain(|client| client.removed_at.is_none());
        Ok(clients)
    }

    fn provider(&self, id: Option<&str>) -> Result<Provider, ClientError> {
        match id {
            None => Ok(Provider::generic()),
            Some(id) => {
                self.catalogue().find(id).cloned().ok_or_else(|| ClientError::NoSuchProvider(id.to_owned()))
            }
        }
    }

    async fn put(&self, record: ClientRecord, replaces: Option<u64>) -> Result<ClientRecord, StoreError> {
        let wall = self.clock().now().wall;
        let put = PutClient { record, replaces, wall };
        match self.shared.store.execute(Command::PutClient(Box::new(put))).await? {
            Reply::Client(client) => Ok(*client),
            reply => unreachable!("a client is answered with itself, not with {reply:?}"),
        }
    }
}

fn texts(urls: &[ReturnUrl]) -> Vec<String> {
    urls.iter().map(|url| url.as_str().to_owned()).collect()
}

/// The best method that the provider offers; what it announces of itself wins over the catalogue's order.
fn best_method(provider: &Provider, metadata: Option<&Metadata>, has_secret: bool) -> AuthenticationMethod {
    use AuthenticationMethod as Method;
    if !has_secret {
        return Method::None;
    }
    let announced = |name: &str| {
        metadata.is_none_or(|metadata| metadata.authentication_methods.iter().any(|method| method == name))
    };
    let usable = |method: &Method| match method {
        Method::None => false,
        Method::ClientSecretBasic => announced("client_secret_basic"),
        Method::ClientSecretPost => announced("client_secret_post"),
    };
    let order = [Method::ClientSecretBasic, Method::ClientSecretPost];
    let listed = provider.client.authentication.iter().copied();
    listed.chain(order).find(usable).unwrap_or(Method::ClientSecretBasic)
}
