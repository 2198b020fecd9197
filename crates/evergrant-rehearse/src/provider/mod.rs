//! The authorization server itself, without clock, randomness or input and output of its own.
//!
//! [`Provider::handle`] takes a request with the time and a source of random bytes and says how far it came;
//! everything else follows from that. A simulation can therefore run the provider in its own thread, on its
//! own time, and repeat every run from a seed. The HTTP server around it is in [`crate::Rehearsal`].

mod access;
mod admin;
mod authentication;
mod authorize;
mod device;
mod direct;
mod exchange;
mod fault;
mod grant;
mod issue;
mod journal;
mod message;
mod metadata;
mod pages;
mod parameters;
mod reason;
mod redirect;
mod refresh;
mod refusal;
mod registry;
mod resource;
mod rotation;
mod scope;
mod secret;
mod sharing;
mod signing;
mod time;
mod token;

use std::fmt;

pub use direct::IssuedGrant;
pub use exchange::{Delivery, ExchangeId, Progress, Until};
pub use fault::{Action, Fault, FaultId, FaultStatus, InvalidFault, When};
pub use grant::FamilyId;
pub use journal::{Endpoint, GrantType, JournalEntry, Outcome, Revocation};
pub use message::{Method, Request, Response};
pub use reason::{Reason, RevocationCause};
pub use registry::ChangeError;
pub use secret::{Entropy, Fingerprint, PkcePair};
pub use sharing::SharedGrant;
pub use signing::{InvalidKey, SigningKey};
pub use time::Timestamp;

use crate::settings::{InvalidSettings, Settings};

/// An authorization server as a value.
///
/// * [`handle`](Self::handle) takes a request and returns its answer, or that it waits for a fault;
/// * [`resume`](Self::resume) goes on with one that waited, [`poll_released`](Self::poll_released) says which;
/// * everything else reads or changes what the administration reads or changes over HTTP.
pub struct Provider {
    issuer: String,
    settings: Settings,
    signing_key: std::sync::Arc<SigningKey>,
    clients: registry::Clients,
    users: registry::Users,
    grants: grant::Grants,
    devices: device::Devices,
    sessions: authorize::Sessions,
    journal: journal::Journal,
    faults: fault::Faults,
    exchanges: exchange::Exchanges,
}

impl Provider {
    /// A provider without grants. `issuer` is its address without a trailing slash, such as
    /// `http://127.0.0.1:8790`; every endpoint lies below it.
    pub fn new(
        settings: Settings,
        issuer: impl Into<String>,
        signing_key: std::sync::Arc<SigningKey>,
    ) -> Result<Self, InvalidSettings> {
        settings.check()?;
        Ok(Self {
            issuer: issuer.into(),
            signing_key,
            clients: registry::Clients::new(&settings.clients),
            users: registry::Users::new(&settings.users),
            grants: grant::Grants::default(),
            devices: device::Devices::default(),
            sessions: authorize::Sessions::default(),
            journal: journal::Journal::with_capacity(settings.journal_capacity),
            faults: fault::Faults::default(),
            exchanges: exchange::Exchanges::default(),
            settings,
        })
    }

    /// The issuer identifier (RFC 8414 2).
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The entries of the journal that are newer than `after`, the oldest first.
    pub fn journal(&self, after: u64) -> impl Iterator<Item = &JournalEntry> {
        self.journal.entries().filter(move |entry| entry.seq > after)
    }

    /// Adds a fault.
    pub fn add_fault(&mut self, fault: Fault) -> Result<FaultId, InvalidFault> {
        self.faults.add(fault)
    }

    /// What a fault has done so far; none if it was removed.
    pub fn fault(&self, id: FaultId) -> Option<&FaultStatus> {
        self.faults.status(id)
    }

    /// All faults that were not removed.
    pub fn faults(&self) -> impl Iterator<Item = &FaultStatus> {
        self.faults.list()
    }

    /// Releases what a fault holds and removes it. False if there is none.
    pub fn remove_fault(&mut self, id: FaultId) -> bool {
        self.release(id, None);
        self.faults.remove(id)
    }

    /// Removes every fault, and releases what they hold.
    pub fn clear_faults(&mut self) {
        let all: Vec<_> = self.faults.list().map(|status| status.id).collect();
        for id in all {
            self.remove_fault(id);
        }
    }

    /// Processes a request: changes what it changes, and says what it answers and what the journal gets.
    fn serve(
        &mut self,
        request: &Request,
        endpoint: Endpoint,
        now: Timestamp,
        entropy: Entropy<'_>,
    ) -> (Response, JournalEntry) {
        let entry = JournalEntry::draft(endpoint, request.method, now);
        let mut call = Call { request, now, entropy, entry };
        let served = match endpoint {
            Endpoint::Discovery => self.metadata(&mut call),
            Endpoint::Jwks => self.jwks(&mut call),
            Endpoint::Authorize => self.authorize(&mut call),
            Endpoint::Token => self.token(&mut call),
            Endpoint::DeviceAuthorization => self.device_authorization(&mut call),
            Endpoint::Device => self.device_page(&mut call),
            Endpoint::Revoke => self.revoke_token(&mut call),
            Endpoint::Introspect => self.introspect(&mut call),
            Endpoint::Userinfo => self.userinfo(&mut call),
            Endpoint::Resource => self.resource(&mut call),
            Endpoint::Admin | Endpoint::Unknown => Err(Reason::NoSuchEndpoint.into()),
        };
        let response = match served {
            Ok(response) => response,
            Err(refusal) => {
                call.entry.refuse(refusal.reason);
                self.refuse(&self.in_dialect(refusal, &call.entry), endpoint)
            }
        };
        (response, call.entry)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Provider").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// One request while it is processed.
struct Call<'a> {
    request: &'a Request,
    now: Timestamp,
    entropy: Entropy<'a>,
    entry: JournalEntry,
}

impl Call<'_> {
    /// Refuses other methods than these (RFC 9110 15.5.6).
    fn allow(&self, methods: &[Method]) -> Result<(), refusal::Refusal> {
        if methods.contains(&self.request.method) {
            Ok(())
        } else {
            Err(refusal::Refusal::from(Reason::MethodNotAllowed).allowing(methods))
        }
    }

    /// The parameters of a form body (RFC 6749 3.2).
    fn form(&self) -> Result<parameters::Parameters, refusal::Refusal> {
        let kind = self.request.header("content-type").unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(parameters::InvalidParameters::ContentType.into());
        }
        Ok(parameters::Parameters::parse(&self.request.body)?)
    }

    /// The parameters of the query.
    fn query(&self) -> Result<parameters::Parameters, refusal::Refusal> {
        Ok(parameters::Parameters::parse(self.request.query.as_bytes())?)
    }

    fn mint(&mut self, prefix: &str) -> secret::Secret {
        secret::Secret::mint(prefix, &mut *self.entropy)
    }
}
