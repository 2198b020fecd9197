//! Starting, running and stopping; the handles that a Rust test uses instead of HTTP.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::{Clock, connection, stage::Stage};
use crate::{
    provider::{
        ChangeError, Fault, FaultId, FaultStatus, InvalidFault, InvalidKey, IssuedGrant, JournalEntry,
        Provider, SigningKey, Timestamp,
    },
    settings::{InvalidSettings, Settings},
};

/// A rehearsal that has not started yet.
///
/// ```
/// use std::time::Duration;
/// use evergrant_rehearse::{Action, Endpoint, Fault, Rehearsal};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let rehearsal = Rehearsal::builder().start("127.0.0.1:0".parse()?).await?;
/// rehearsal.add_fault(Fault::after_commit(Action::Drop).at(Endpoint::Token))?;
/// // … point the code under test at rehearsal.issuer(), then:
/// rehearsal.advance(Duration::from_secs(301));
/// assert!(rehearsal.journal().is_empty());
/// rehearsal.shutdown().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Rehearsal;

/// What a rehearsal shall be like.
#[derive(Debug)]
pub struct RehearsalBuilder {
    settings: Settings,
    clock: Arc<Clock>,
    signing_key: Option<Arc<SigningKey>>,
    issuer: Option<String>,
}

/// Why a rehearsal did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something else listens there.
    #[error("{0} is in use: stop what listens there, or choose another address (port 0 takes a free one)")]
    AddressInUse(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The settings contradict themselves.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// No key for ID tokens.
    #[error(transparent)]
    SigningKey(#[from] InvalidKey),
    /// The issuer is not an origin.
    #[error("the issuer `{0}` must be http:// or https:// and an authority, without path or trailing slash")]
    Issuer(String),
}

impl Rehearsal {
    /// The demonstration set of clients and users, on a clock that stands still.
    pub fn builder() -> RehearsalBuilder {
        RehearsalBuilder {
            settings: Settings::default(),
            clock: Arc::new(Clock::standing()),
            signing_key: None,
            issuer: None,
        }
    }
}

impl RehearsalBuilder {
    /// Other clients and users.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Another clock; it may be shared with the code under test.
    #[must_use]
    pub fn clock(mut self, clock: Arc<Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// A clock that runs as the machine's does.
    #[must_use]
    pub fn real_time(self) -> Self {
        self.clock(Arc::new(Clock::running()))
    }

    /// The key for ID tokens; by default a new one.
    #[must_use]
    pub fn signing_key(mut self, key: Arc<SigningKey>) -> Self {
        self.signing_key = Some(key);
        self
    }

    /// The address that clients see, if it is not the one that is listened on: `http://rehearsal:8790`.
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Listens, and serves in a task of the current tokio runtime until the handle is dropped.
    pub async fn start(self, listen: SocketAddr) -> Result<Running, StartError> {
        let listener = TcpListener::bind(listen).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::AddressInUse(listen),
            _ => StartError::Listen { address: listen, source },
        })?;
        let local = listener.local_addr().map_err(|source| StartError::Listen { address: listen, source })?;
        let issuer = self.issuer.unwrap_or_else(|| format!("http://{}", reachable(local)));
        if !is_origin(&issuer) {
            return Err(StartError::Issuer(issuer));
        }
        let key = match self.signing_key {
            Some(key) => key,
            None => Arc::new(SigningKey::generate()?),
        };
        let provider = Provider::new(self.settings, issuer.clone(), key)?;
        let stage = Arc::new(Stage::new(provider, self.clock));
        let (stop, stopped) = watch::channel(());
        let accepting = tokio::spawn(connection::accept(listener, stage.clone(), stopped));
        Ok(Running { stage, issuer, local, stop, accepting })
    }
}

/// A rehearsal that is being served. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub struct Running {
    stage: Arc<Stage>,
    issuer: String,
    local: SocketAddr,
    stop: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Running {
    /// The issuer identifier, where discovery starts.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the administration is.
    pub fn admin_url(&self) -> String {
        format!("{}/admin", self.issuer)
    }

    /// The address that is listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The clock; shared with whoever shall live in the same time.
    pub fn clock(&self) -> Arc<Clock> {
        self.stage.clock.clone()
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.stage.clock.advance(by);
    }

    /// The whole journal, the oldest entry first.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.journal_after(0)
    }

    /// The entries of the journal that are newer than `seq`.
    pub fn journal_after(&self, seq: u64) -> Vec<JournalEntry> {
        self.with_provider(|provider, _| provider.journal(seq).cloned().collect())
    }

    /// Adds a fault.
    pub fn add_fault(&self, fault: Fault) -> Result<FaultId, InvalidFault> {
        self.with_provider(|provider, _| provider.add_fault(fault))
    }

    /// Removes a fault and releases what it holds. False if there is none.
    pub fn remove_fault(&self, id: FaultId) -> bool {
        self.with_provider(|provider, _| provider.remove_fault(id))
    }

    /// Removes all faults and releases what they hold.
    pub fn clear_faults(&self) {
        self.with_provider(|provider, _| provider.clear_faults());
    }

    /// Lets all requests go that a fault holds; returns how many. The fault stays.
    pub fn release(&self, id: FaultId) -> usize {
        self.with_provider(|provider, _| provider.release(id, None))
    }

    /// What a fault has done so far.
    pub fn fault(&self, id: FaultId) -> Option<FaultStatus> {
        self.with_provider(|provider, _| provider.fault(id).cloned())
    }

    /// Waits until a fault holds so many requests, or is gone.
    pub async fn wait_held(&self, id: FaultId, requests: usize) {
        self.stage.wait_held(id, requests).await;
    }

    /// Reads or changes the provider directly, at the clock's time: clients, users, grants.
    ///
    /// ```no_run
    /// # fn example(rehearsal: &evergrant_rehearse::Running) -> Result<(), evergrant_rehearse::ChangeError> {
    /// rehearsal.with_provider(|provider, now| provider.change_password("alice", now))?;
    /// # Ok(()) }
    /// ```
    pub fn with_provider<T>(&self, act: impl FnOnce(&mut Provider, Timestamp) -> T) -> T {
        self.stage.with_provider(act)
    }

    /// Replaces a client's secret; the old one is refused from now on.
    pub fn change_secret(&self, client_id: &str, secret: &str) -> Result<(), ChangeError> {
        self.with_provider(|provider, _| {
            provider.change_client(client_id, |client| client.client_secret = Some(secret.into()))
        })
    }

    /// Gives a client a grant of a user without any flow: the shortest way to a refresh token.
    pub fn issue_grant(
        &self,
        client_id: &str,
        username: &str,
        scope: &str,
    ) -> Result<IssuedGrant, ChangeError> {
        self.stage.with_entropy(|provider, now, entropy| {
            provider.issue_grant(client_id, username, scope, now, entropy)
        })
    }

    /// Stops listening and closes every connection.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(());
        // The task ends by itself; that it was cancelled with its runtime is no failure.
        (&mut self.accepting).await.unwrap_or_default();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stage.close();
        self.accepting.abort();
    }
}

/// Where a client on this machine reaches a listener of all interfaces.
fn reachable(mut local: SocketAddr) -> SocketAddr {
    if local.ip().is_unspecified() {
        local.set_ip(match local {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    local
}

fn is_origin(issuer: &str) -> bool {
    url::Url::parse(issuer).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == issuer
    })
}
