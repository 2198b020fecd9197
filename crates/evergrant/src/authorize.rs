//! Leading resource owners through the provider: links, and devices without a browser.

use std::time::Duration;

use evergrant_proto::{
    authorization::{AuthorizationRecord, AuthorizationStatus, LINK_LIFETIME},
    client::ClientRecord,
    diagnosis::{Cause, Certainty, Diagnosis, remedies},
    engine::{CallbackEnd, DevicePoll, Pace},
    forecast::period,
    grant::Owner,
    name::{AttemptId, AuthorizationId, ClientName, GrantId, Namespace},
    scope::ScopeSet,
    time::Timestamp,
    transaction::{Command, Conflict, FailAuthorization, OpenAuthorization},
    wire::{
        authorization_request::AuthorizationRequest,
        authorization_response::Callback,
        device::DeviceAuthorization,
        pkce::{authorization_state, code_verifier},
        redirect_uri::RedirectUri,
    },
};
use evergrant_store::StoreError;
use url::Url;

use crate::{Keeper, keeper::Polled, random};

/// What an authorization is for.
#[derive(Debug, Clone)]
pub struct AuthorizationOptions {
    /// The tenant boundary.
    pub namespace: Namespace,
    /// The client that asks.
    pub client: ClientName,
    /// The grant to repair; `None` makes a new one, or updates the one that the same account has with this
    /// client. One that is known to be of another person, by an external id, is left alone.
    pub grant: Option<GrantId>,
    /// Make a new grant even if this account has one.
    pub always_new: bool,
    /// The caller's id of the person and labels.
    pub owner: Owner,
    /// What is asked for; empty: the client's default. A repair asks for what the grant had, too.
    pub scopes: ScopeSet,
    /// Resource indicators (RFC 8707).
    pub resources: Vec<String>,
    /// One of the client's redirect URIs; `None`: the first. A loopback URI may have another port (RFC 8252 7.3).
    pub redirect_uri: Option<RedirectUri>,
    /// One of the client's return URLs.
    pub return_url: Option<String>,
    /// Who should sign in, as the provider's page may be told.
    pub login_hint: Option<String>,
}

impl AuthorizationOptions {
    /// A new grant with the client's defaults.
    pub fn new(client: ClientName) -> Self {
        Self {
            namespace: Namespace::default(),
            client,
            grant: None,
            always_new: false,
            owner: Owner::default(),
            scopes: ScopeSet::new(),
            resources: Vec::new(),
            redirect_uri: None,
            return_url: None,
            login_hint: None,
        }
    }

    /// The repair of a grant.
    pub fn repair(client: ClientName, grant: GrantId) -> Self {
        Self { grant: Some(grant), ..Self::new(client) }
    }
}

/// An open authorization.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// Names it; not secret.
    pub id: AuthorizationId,
    /// The provider's page, with the parameters of this request. Whoever has it can finish the flow.
    pub url: Url,
    /// When the link ends.
    pub expires_at: Timestamp,
}

/// A device authorization under way: show the code and the address, then [`DeviceLogin::wait`].
#[derive(Debug)]
pub struct DeviceLogin {
    keeper: Keeper,
    client: ClientRecord,
    record: AuthorizationRecord,
    device: DeviceAuthorization,
    /// Names the exchange that all polls are part of.
    attempt: AttemptId,
    started: Timestamp,
}

/// Why an authorization cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// The client's provider has no such endpoint.
    #[error("the client has no {0} endpoint: give it one, or an issuer whose metadata name it")]
    NoEndpoint(&'static str),
    /// No redirect URI is registered.
    #[error("the client has no redirect URI: register one at the provider and here")]
    NoRedirectUri,
    /// The redirect URI is not one of the client's.
    #[error("the redirect URI {0} is not one of the client's")]
    ForeignRedirectUri(RedirectUri),
    /// The return URL is not one of the client's.
    #[error("the return URL is not one of the client's, letter by letter")]
    ForeignReturnUrl,
    /// The provider did not open a device authorization.
    #[error("the provider did not open a device authorization: {0}")]
    Device(String),
    /// The store answered what it never should.
    #[error("the authorization ended without a grant: {0}")]
    Ended(String),
    /// The driver does not run: nobody carries the polls for a device.
    #[error("the driver of this keeper is not running")]
    NotRunning,
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Keeper {
    /// Opens an authorization. Its link can be used once, within half an hour; an older link of the same grant ends.
    ///
    /// # Errors
    ///
    /// See [`AuthorizeError`].
    pub async fn authorize(&self, options: AuthorizationOptions) -> Result<Authorization, AuthorizeError> {
        let (record, authorization) = self.prepare_authorization(options).await?;
        self.begin_authorization(record).await?;
        Ok(authorization)
    }

    /// An authorization that nobody knows of yet.
    pub(crate) async fn prepare_authorization(
        &self,
        options: AuthorizationOptions,
    ) -> Result<(AuthorizationRecord, Authorization), AuthorizeError> {
        let client = self.client_of(&options).await?;
        authorization_endpoint(&client)?;
        let redirect_uri = redirect_uri(&client, options.redirect_uri.as_ref())?;
        let record = self.record(&options, &client, redirect_uri).await?;
        let url = authorization_url(&client, &record)?;
        let authorization = Authorization { id: record.id, url, expires_at: record.expires_at };
        Ok((record, authorization))
    }

    /// Where an authorization stands. `None`: there is none of this id.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn authorization(
        &self,
        id: AuthorizationId,
    ) -> Result<Option<AuthorizationRecord>, StoreError> {
        self.shared.store.authorization(id).await
    }

    /// The authorization that a callback answers, wherever it stands by now. `query` is the callback's, without `?`.
    /// `None`: there is none, or this is no authorization response.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn authorization_of_callback(
        &self,
        query: &str,
    ) -> Result<Option<AuthorizationRecord>, StoreError> {
        let Ok(callback) = Callback::parse(query) else { return Ok(None) };
        let found = self.shared.store.authorization_of(callback.state().clone()).await?;
        Ok(found.map(|(record, _)| record))
    }

    /// Opens a device authorization (RFC 8628), for hosts without a browser.
    ///
    /// # Errors
    ///
    /// See [`AuthorizeError`].
    pub async fn authorize_device(
        &self,
        options: AuthorizationOptions,
    ) -> Result<DeviceLogin, AuthorizeError> {
        let client = self.client_of(&options).await?;
        let url = client.endpoints.device_authorization.as_ref();
        let url = url.ok_or(AuthorizeError::NoEndpoint("device authorization"))?;
        let record = self.record(&options, &client, nowhere()).await?;
        let separator = client.provider.dialect.scope_separator;
        let request = DeviceAuthorization::request(url, &client.credentials(), &record.scopes, separator);
        let response = self.fetch(request).await.map_err(AuthorizeError::Device)?;
        if response.status != 200 {
            return Err(AuthorizeError::Device(format!("HTTP {}", response.status)));
        }
        let device = DeviceAuthorization::read(&response.body)
            .map_err(|error| AuthorizeError::Device(error.to_string()))?;
        let started = self.clock().now().wall;
        self.begin_authorization(record.clone()).await?;
        let attempt = AttemptId(random::id());
        Ok(DeviceLogin { keeper: self.clone(), client, record, device, attempt, started })
    }

    /// The link of an authorization as [`Keeper::authorize`] gave it.
    ///
    /// # Errors
    ///
    /// The client has no authorization endpoint any more.
    pub fn authorization_url(
        &self,
        client: &ClientRecord,
        record: &AuthorizationRecord,
    ) -> Result<Url, AuthorizeError> {
        authorization_url(client, record)
    }

    async fn client_of(&self, options: &AuthorizationOptions) -> Result<ClientRecord, AuthorizeError> {
        let client = self.client(&options.namespace, &options.client).await?;
        let client = client.ok_or(StoreError::Conflict(Conflict::NoSuchClient))?;
        if options.return_url.as_ref().is_some_and(|url| !client.return_urls.contains(url)) {
            return Err(AuthorizeError::ForeignReturnUrl);
        }
        Ok(client)
    }

    async fn record(
        &self,
        options: &AuthorizationOptions,
        client: &ClientRecord,
        redirect_uri: RedirectUri,
    ) -> Result<AuthorizationRecord, AuthorizeError> {
        let mut scopes =
            if options.scopes.is_empty() { client.scopes.clone() } else { options.scopes.clone() };
        scopes = scopes.union(&client.provider.offline.scopes);
        if let Some(id) = options.grant {
            // The union: a repair must not lose what the grant could do.
            let held = self.grant(id).await?.ok_or(StoreError::Conflict(Conflict::NoSuchGrant))?;
            scopes = scopes.union(&held.requested);
        }
        let now = self.clock().now().wall;
        Ok(AuthorizationRecord {
            id: AuthorizationId(random::id()),
            namespace: options.namespace.clone(),
            client: options.client.clone(),
            grant: options.grant,
            always_new: options.always_new,
            result: None,
            owner: options.owner.clone(),
            scopes,
            resources: options.resources.clone(),
            redirect_uri,
            return_url: options.return_url.clone(),
            login_hint: options.login_hint.clone(),
            status: AuthorizationStatus::Open,
            created_at: now,
            expires_at: now.plus(LINK_LIFETIME),
            state: Some(authorization_state(&random::bytes())),
            verifier: Some(code_verifier(&random::bytes())),
        })
    }

    async fn begin_authorization(&self, record: AuthorizationRecord) -> Result<(), StoreError> {
        let open = OpenAuthorization { record };
        self.shared.store.execute(Command::OpenAuthorization(Box::new(open))).await.map(drop)
    }
}

fn authorization_endpoint(client: &ClientRecord) -> Result<&Url, AuthorizeError> {
    client.endpoints.authorization.as_ref().ok_or(AuthorizeError::NoEndpoint("authorization"))
}

fn authorization_url(client: &ClientRecord, record: &AuthorizationRecord) -> Result<Url, AuthorizeError> {
    let page = authorization_endpoint(client)?.clone();
    let (Some(state), Some(verifier)) = (record.state.clone(), &record.verifier) else {
        return Err(AuthorizeError::Ended("its link is not known any more".to_owned()));
    };
    let (identifier, redirect_uri) = (client.identifier.clone(), record.redirect_uri.clone());
    let mut request = AuthorizationRequest::new(page, identifier, redirect_uri, state, verifier);
    request.scopes = record.scopes.clone();
    request.scope_separator = client.provider.dialect.scope_separator;
    request.resources.clone_from(&record.resources);
    request.login_hint.clone_from(&record.login_hint);
    request.extra = client.provider.offline.parameters.clone();
    request.names = client.provider.dialect.authorization_names.clone();
    Ok(request.url())
}

impl DeviceLogin {
    /// Names the authorization; not secret.
    pub fn id(&self) -> AuthorizationId {
        self.record.id
    }

    /// What the user types.
    pub fn user_code(&self) -> &str {
        &self.device.user_code
    }

    /// Where the user types it.
    pub fn verification_uri(&self) -> &Url {
        &self.device.verification_uri
    }

    /// The same with the code in it, for a link or a QR code.
    pub fn verification_uri_complete(&self) -> Option<&Url> {
        self.device.verification_uri_complete.as_ref()
    }

    /// Polls until the user has decided or the code has run out (RFC 8628 3.5). Why it ended without a grant is kept with
    /// the authorization.
    ///
    /// The driver carries each poll: what one brings is kept also if this future is dropped meanwhile. Once it polls, a newer
    /// link of the same grant does not end it any more, as with a code on its way: whichever brings tokens last is kept.
    /// While the store is away nothing is asked.
    ///
    /// # Errors
    ///
    /// The driver does not run, the store is away when the code has run out, or the client has no token endpoint.
    pub async fn wait(mut self) -> Result<CallbackEnd, AuthorizeError> {
        if self.client.endpoints.token.is_none() {
            return Err(AuthorizeError::NoEndpoint("token"));
        }
        loop {
            let clock = self.keeper.clock().clone();
            clock.wait_until(clock.moment().plus(self.device.interval)).await;
            if clock.now().wall.since(self.started) > self.device.lifetime {
                return self.ran_out().await;
            }
            let poll = DevicePoll {
                record: self.record.clone(),
                client: self.client.clone(),
                device_code: self.device.device_code.clone(),
                attempt: self.attempt,
            };
            match self.keeper.poll(poll).await.ok_or(AuthorizeError::NotRunning)? {
                Polled::Pending(Pace::Same) => {}
                Polled::Pending(Pace::Slower) => self.device.slow_down(),
                Polled::Ended(end) => return Ok(end),
            }
        }
    }

    async fn ran_out(&self) -> Result<CallbackEnd, AuthorizeError> {
        let (authorization, reason) = (self.record.id, "the code has run out".to_owned());
        let diagnosis = Some(Box::new(ran_out(self.device.lifetime)));
        let wall = self.keeper.clock().now().wall;
        let fail =
            FailAuthorization { authorization, reason: reason.clone(), diagnosis: diagnosis.clone(), wall };
        self.keeper.shared.store.execute(Command::FailAuthorization(fail)).await?;
        Ok(CallbackEnd::Failed { authorization, reason, diagnosis })
    }
}

/// Nobody approved while the codes lived (RFC 8628 3.2).
fn ran_out(lifetime: Duration) -> Diagnosis {
    let cause = Cause::CodeExpired;
    Diagnosis {
        cause,
        certainty: Certainty::Certain,
        culprit: cause.culprit(),
        permanent: cause.is_permanent(),
        retry: false,
        remedies: remedies(cause),
        evidence: vec![format!(
            "Nobody approved within {}, which is as long as the code lives.",
            period(lifetime)
        )],
        alternatives: Vec::new(),
    }
}

/// A device flow redirects nobody.
fn nowhere() -> RedirectUri {
    RedirectUri::new("urn:ietf:wg:oauth:2.0:oob").expect("a constant that is one")
}

/// A registered redirect URI, exactly; on loopback the port may differ (RFC 8252 7.3).
fn redirect_uri(client: &ClientRecord, wanted: Option<&RedirectUri>) -> Result<RedirectUri, AuthorizeError> {
    let Some(wanted) = wanted else {
        return client.redirect_uris.first().cloned().ok_or(AuthorizeError::NoRedirectUri);
    };
    let registered = |uri: &RedirectUri| uri == wanted || same_but_for_port(uri, wanted);
    if client.redirect_uris.is_empty() {
        return Err(AuthorizeError::NoRedirectUri);
    }
    if client.redirect_uris.iter().any(registered) {
        Ok(wanted.clone())
    } else {
        Err(AuthorizeError::ForeignRedirectUri(wanted.clone()))
    }
}

fn same_but_for_port(registered: &RedirectUri, wanted: &RedirectUri) -> bool {
    let loopback = |uri: &RedirectUri| {
        Url::parse(uri.as_str()).ok().filter(|url| {
            url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
        })
    };
    let without_port =
        |uri: &RedirectUri| loopback(uri).and_then(|mut url| url.set_port(None).ok().map(|()| url));
    without_port(registered).is_some() && without_port(registered) == without_port(wanted)
}
