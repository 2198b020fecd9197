//! The keeper: what an application embeds.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use evergrant_proto::{
    diagnosis::Diagnosis,
    engine::{Answer, CallbackEnd, DevicePoll, Engine, Issue, Pace, Refusal, Settings, TokenRequest},
    grant::{AccessEntry, AccessKey, Attempt, Expiry, GrantRecord, Owner},
    name::{ClientName, Generation, GrantId, Namespace},
    provider::Catalogue,
    scope::ScopeSet,
    secret::{AccessToken, RefreshToken},
    time::Timestamp,
    transaction::{Command, Import, Reject, Reply, Seen, Want},
    wire::{
        authorization_response::Callback,
        challenge::{Challenge, Remedy},
    },
};
use evergrant_store::{EventFilter, GrantFilter, NumberedEvent, Status, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Driver, Token, TokenError,
    cache::{Cache, Hit},
    carrier::Carrier,
    check::Checks,
    clock::Clock,
    driver::Input,
    random,
    remedies::Remedies,
};

/// Keeps grants alive. Cheap to clone; all clones share one engine, which its [`Driver`] runs.
#[derive(Debug, Clone)]
pub struct Keeper {
    pub(crate) shared: Arc<Shared>,
    inbox: mpsc::UnboundedSender<Input>,
}

/// What a keeper and its driver share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) carrier: Arc<dyn Carrier>,
    pub(crate) catalogue: Catalogue,
    pub(crate) cache: Cache,
    pub(crate) waiting: AtomicUsize,
    pub(crate) remedies: Remedies,
    pub(crate) checks: Checks,
}

/// What a keeper is made of.
#[derive(Debug)]
pub struct KeeperParts {
    /// Where grants are kept.
    pub store: Arc<dyn Store>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// What carries requests to providers.
    pub carrier: Arc<dyn Carrier>,
    /// What is known of providers.
    pub catalogue: Catalogue,
    /// What the operator chose.
    pub settings: Settings,
}

/// What a poll for a device led to.
pub(crate) enum Polled {
    Pending(Pace),
    Ended(CallbackEnd),
}

/// A grant from outside, to be kept from now on.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// The tenant boundary.
    pub namespace: Namespace,
    /// The client that the refresh token was issued to.
    pub client: ClientName,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// When it ends, if known.
    pub refresh_expires_at: Option<Timestamp>,
    /// When it was obtained, if known. [`Keeper::import_many`] lets an older one displace no newer one.
    pub obtained_at: Option<Timestamp>,
    /// An access token that is still good, and when it ends.
    pub access_token: Option<(AccessToken, Option<Timestamp>)>,
    /// The scope that was granted, as far as known.
    pub scopes: ScopeSet,
    /// Whose it is.
    pub owner: Owner,
    /// Give the refresh token to this grant instead of making a new one.
    pub into: Option<GrantId>,
}

impl NewGrant {
    /// A refresh token of which nothing else is known.
    pub fn new(client: ClientName, refresh_token: RefreshToken) -> Self {
        Self {
            namespace: Namespace::default(),
            client,
            refresh_token,
            refresh_expires_at: None,
            obtained_at: None,
            access_token: None,
            scopes: ScopeSet::new(),
            owner: Owner::default(),
            into: None,
        }
    }
}

/// What a resource server answered to an access token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejection {
    /// 401, or 403.
    pub status: u16,
    /// The `www-authenticate` header (RFC 6750 3).
    pub www_authenticate: Option<String>,
}

impl Keeper {
    /// Puts a keeper together. Nothing happens until the driver is run.
    pub fn new(parts: KeeperParts) -> (Self, Driver) {
        let (inbox, outbox) = mpsc::unbounded_channel();
        let KeeperParts { store, clock, carrier, catalogue, settings } = parts;
        let engine = Engine::new(settings, store.holder(), random::bytes(), clock.now());
        let cache = Cache::new();
        let shared = Arc::new(Shared {
            store,
            clock,
            carrier,
            catalogue,
            cache,
            waiting: AtomicUsize::new(0),
            remedies: Remedies::default(),
            checks: Checks::default(),
        });
        let driver = Driver::new(Arc::clone(&shared), engine, outbox);
        (Self { shared, inbox }, driver)
    }

    /// An access token of the grant that works, as far as anybody knows. From memory in nearly every call; else after
    /// [`Settings::caller_wait`] at most: ten seconds unless set.
    ///
    /// # Errors
    ///
    /// [`Refusal`] says why there is none, whether waiting can help, and what does.
    pub async fn token(&self, grant: GrantId) -> Result<Token, TokenError> {
        match self.shared.cache.look_up(grant, || self.shared.clock.moment()) {
            Some(Hit::Fresh(issue)) => Ok(Token::new(issue)),
            Some(Hit::TurnedStale(issue)) => Ok(self.turned_stale(issue)),
            None => {
                let want = Want::Usable { min_ttl: Duration::ZERO };
                self.call(TokenRequest { grant, key: AccessKey::default(), want }).await
            }
        }
    }

    /// An access token for a resource, of a narrower scope, or with a minimum of life left.
    ///
    /// # Errors
    ///
    /// As [`Keeper::token`].
    pub async fn token_for(
        &self,
        grant: GrantId,
        key: AccessKey,
        min_ttl: Duration,
    ) -> Result<Token, TokenError> {
        match self.token_in_memory(grant, &key, min_ttl) {
            Some(token) => Ok(token),
            None => self.call(TokenRequest { grant, key, want: Want::Usable { min_ttl } }).await,
        }
    }

    /// What [`Keeper::token_for`] answers at once because it is in memory. `None` says nothing but that it is not.
    pub fn token_in_memory(&self, grant: GrantId, key: &AccessKey, min_ttl: Duration) -> Option<Token> {
        let now = self.shared.clock.now();
        match self.shared.cache.look_up_key(grant, key, now.moment)? {
            Hit::Fresh(issue) if issue.access.lives_at_least(min_ttl, now.wall) => Some(Token::new(issue)),
            Hit::TurnedStale(issue) if issue.access.lives_at_least(min_ttl, now.wall) => {
                Some(self.turned_stale(issue))
            }
            Hit::Fresh(_) | Hit::TurnedStale(_) => None,
        }
    }

    /// A token of a later generation than `seen`: refreshes unless somebody has already.
    ///
    /// # Errors
    ///
    /// As [`Keeper::token`].
    pub async fn refresh(&self, grant: GrantId, seen: Generation) -> Result<Token, TokenError> {
        self.call(TokenRequest { grant, key: AccessKey::default(), want: Want::Newer { than: seen } }).await
    }

    /// A resource server rejected the token of generation `seen`: evidence once per token. Answers with the token to
    /// use instead. A refusal for lack of scope is not cured by a refresh (RFC 6750 3.1) and changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Keeper::token`].
    pub async fn reject(
        &self,
        grant: GrantId,
        key: AccessKey,
        seen: Generation,
        rejection: &Rejection,
    ) -> Result<Token, TokenError> {
        if !rejection.is_about_the_token() {
            return self.token_for(grant, key, Duration::ZERO).await;
        }
        let wall = self.shared.clock.now().wall;
        let reject = Reject { grant, key: key.clone(), seen: Seen::Generation(seen), wall };
        self.shared.store.execute(Command::Reject(reject)).await.map_err(store_refusal)?;
        self.shared.cache.forget(grant, &key);
        self.call(TokenRequest { grant, key, want: Want::Newer { than: seen } }).await
    }

    /// Takes over a refresh token that was issued to another program.
    ///
    /// # Errors
    ///
    /// The store's: among them that another grant holds the same refresh token.
    pub async fn import(&self, new: NewGrant) -> Result<GrantRecord, StoreError> {
        let import = self.import_of(new);
        let grant = import.grant;
        let reply = self.shared.store.execute(Command::Import(Box::new(import))).await?;
        self.forget_grant(grant);
        match reply {
            Reply::Grant(grant) => Ok(*grant),
            reply => unreachable!("an import is answered with its grant, not with {reply:?}"),
        }
    }

    /// What is served of a grant is not what it holds any more.
    pub(crate) fn forget_grant(&self, grant: GrantId) {
        self.shared.cache.forget_grant(grant);
    }

    pub(crate) fn import_of(&self, new: NewGrant) -> Import {
        let wall = self.shared.clock.now().wall;
        let grant = new.into.unwrap_or_else(|| GrantId(random::id()));
        let access = new.access_token.map(|(token, end)| AccessEntry {
            key: AccessKey::default(),
            token,
            token_type: "Bearer".to_owned(),
            scope: None,
            issued_at: wall,
            expiry: end.map_or(Expiry::Unknown, Expiry::At),
            generation: Generation::default(),
            rejected: false,
            jitter: random::jitter(),
        });
        Import {
            grant,
            namespace: new.namespace,
            client: new.client,
            owner: new.owner,
            scopes: new.scopes,
            refresh_token: new.refresh_token,
            refresh_expires_at: new.refresh_expires_at,
            obtained_at: new.obtained_at,
            access,
            wall,
        }
    }

    /// Ends a grant: here at once, at the provider as soon as it can be told. What is told is retried durably until
    /// the provider confirms (RFC 7009 2.2.1).
    ///
    /// # Errors
    ///
    /// No such grant, the store is away, or the driver does not run ([`TokenError::NotRunning`]).
    pub async fn revoke(&self, grant: GrantId) -> Result<GrantRecord, TokenError> {
        self.end(grant, false).await
    }

    /// Ends a grant and hides it from every list.
    ///
    /// # Errors
    ///
    /// No such grant, the store is away, or the driver does not run ([`TokenError::NotRunning`]).
    pub async fn remove(&self, grant: GrantId) -> Result<GrantRecord, TokenError> {
        self.end(grant, true).await
    }

    /// The browser came back: exchanges the code and connects the grant. `query` is the callback's, without `?`.
    ///
    /// # Errors
    ///
    /// The query is no authorization response, or the driver does not run.
    pub async fn complete(&self, query: &str) -> Result<CallbackEnd, CompleteError> {
        let callback = Callback::parse(query).map_err(|error| CompleteError::Callback(error.to_string()))?;
        let (reply, answer) = oneshot::channel();
        let input = Input::Callback { callback: Box::new(callback), reply };
        self.inbox.send(input).map_err(|_| CompleteError::NotRunning)?;
        match answer.await {
            Ok(Answer::Callback(end)) => Ok(self.ended(*end)),
            _ => Err(CompleteError::NotRunning),
        }
    }

    /// Asks once whether the user of a device has decided. `None`: the driver does not run.
    pub(crate) async fn poll(&self, poll: DevicePoll) -> Option<Polled> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(Input::Poll { poll: Box::new(poll), reply }).ok()?;
        match answer.await {
            Ok(Answer::Callback(end)) => Some(Polled::Ended(self.ended(*end))),
            Ok(Answer::Pending(pace)) => Some(Polled::Pending(pace)),
            _ => None,
        }
    }

    fn ended(&self, end: CallbackEnd) -> CallbackEnd {
        if let CallbackEnd::Connected { grant, .. } = &end {
            self.shared.cache.forget_other_than(grant.id, Some(grant.generation));
        }
        end
    }

    /// Reads a grant, without its secrets. `None`: there is none, or it was removed.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn grant(&self, id: GrantId) -> Result<Option<GrantRecord>, StoreError> {
        let found = self.shared.store.grant(id).await?;
        Ok(found.map(|found| found.0).filter(|grant| grant.removed_at.is_none()).map(|mut grant| {
            grant.credential = None;
            grant.predecessor = None;
            grant.spares.clear();
            grant.access.clear();
            grant
        }))
    }

    /// Lists grants, without their secrets, in the order of their ids.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn grants(&self, filter: GrantFilter) -> Result<Vec<GrantRecord>, StoreError> {
        self.shared.store.grants(filter).await
    }

    /// Events by filter, oldest first.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn events(&self, filter: EventFilter) -> Result<Vec<NumberedEvent>, StoreError> {
        self.shared.store.events(filter).await
    }

    /// The journal of a grant, newest first: requests that spent a credential, and how they ended. Of those that have ended,
    /// the last hundred generations are kept.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn attempts(&self, grant: GrantId, limit: usize) -> Result<Vec<Attempt>, StoreError> {
        self.shared.store.attempts(grant, limit).await
    }

    /// How many grants of all namespaces are in each state, by its name, without removed ones. Costs the same however many
    /// there are. A state that no grant is in may be missing.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn grants_by_state(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.shared.store.grants_by_state().await
    }

    /// Commits something small, which shows whether the store can be written: reading it does not tell of a full disk.
    ///
    /// # Errors
    ///
    /// The store is away, or cannot be written.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        self.shared.store.check_writable().await
    }

    /// The state of the store, for people.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn status(&self) -> Result<Status, StoreError> {
        self.shared.store.status().await
    }

    /// What is known of providers.
    pub fn catalogue(&self) -> &Catalogue {
        &self.shared.catalogue
    }

    /// The keeper's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// Callers that wait for a refresh right now.
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Completes when nothing is under way but what waits for time: for tests that move a clock of their own.
    #[doc(hidden)]
    pub async fn settled(&self) {
        let (reply, settled) = oneshot::channel();
        if self.inbox.send(Input::Settle { reply }).is_ok() {
            // A driver that has ended has nothing under way.
            let _ = settled.await;
        }
    }

    fn turned_stale(&self, issue: Arc<Issue>) -> Token {
        // Without a driver the token is still good; the next caller finds out soon enough.
        let _ = self.inbox.send(Input::Stale { grant: issue.grant, key: issue.access.key.clone() });
        Token::new(issue)
    }

    async fn call(&self, request: TokenRequest) -> Result<Token, TokenError> {
        let (grant, key, want) = (request.grant, request.key.clone(), request.want);
        let (reply, answer) = oneshot::channel();
        self.inbox.send(Input::Call { request, reply }).map_err(|_| TokenError::NotRunning)?;
        match answer.await {
            Ok(Answer::Token(issue)) => Ok(Token::new(issue)),
            Ok(Answer::Refused(refusal)) => match self.despite(&refusal, grant, &key, want) {
                Some(token) => Ok(token),
                None => Err(TokenError::Refused(refusal)),
            },
            _ => Err(TokenError::NotRunning),
        }
    }

    /// A store that is away is no reason to withhold a token that is still good in memory.
    fn despite(&self, refusal: &Refusal, grant: GrantId, key: &AccessKey, want: Want) -> Option<Token> {
        if !matches!((refusal, want), (Refusal::StoreUnavailable(_), Want::Usable { .. })) {
            return None;
        }
        self.shared.cache.look_up_unvalidated(grant, key, self.shared.clock.moment()).map(Token::new)
    }

    async fn end(&self, grant: GrantId, remove: bool) -> Result<GrantRecord, TokenError> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(Input::Revoke { grant, remove, reply }).map_err(|_| TokenError::NotRunning)?;
        self.shared.cache.forget_grant(grant);
        match answer.await {
            Ok(Answer::Revoked(grant)) => Ok(*grant),
            Ok(Answer::Refused(refusal)) => Err(TokenError::Refused(refusal)),
            _ => Err(TokenError::NotRunning),
        }
    }
}

impl Rejection {
    /// Whether a new token could be the cure: a 401, unless it says that scope or sign-in are the matter (RFC 6750
    /// 3.1, RFC 9470 3): then a refresh would bring a token that is rejected, too.
    pub(crate) fn is_about_the_token(&self) -> bool {
        let challenges = Challenge::parse(self.www_authenticate.as_deref().unwrap_or_default());
        self.status == 401 && challenges.iter().all(|challenge| challenge.remedy() == Remedy::Refresh)
    }
}

/// Why a callback led nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompleteError {
    /// The query is no authorization response.
    #[error("this is not the answer of an authorization server: {0}")]
    Callback(String),
    /// The driver does not run.
    #[error("the driver of this keeper is not running")]
    NotRunning,
}

impl TokenError {
    /// Why, as far as it is known.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        match self {
            Self::Refused(refusal) => match &**refusal {
                Refusal::NeedsReauthorization(diagnosis) | Refusal::RequestRefused(diagnosis) => {
                    Some(diagnosis)
                }
                Refusal::ClientRejected { diagnosis, .. } => Some(diagnosis),
                Refusal::OutcomeUnknown { diagnosis, .. }
                | Refusal::ProviderUnavailable { diagnosis, .. } => diagnosis.as_deref(),
                _ => None,
            },
            Self::NotRunning => None,
        }
    }

    /// Why, as the engine says it; `None` if the driver does not run.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::NotRunning => None,
        }
    }
}

pub(crate) fn store_refusal(error: StoreError) -> TokenError {
    let refusal = match error {
        StoreError::Conflict(evergrant_proto::transaction::Conflict::NoSuchGrant) => Refusal::NoSuchGrant,
        StoreError::Conflict(evergrant_proto::transaction::Conflict::Revoked) => Refusal::Revoked,
        error => Refusal::StoreUnavailable(error.to_string()),
    };
    TokenError::Refused(Box::new(refusal))
}
