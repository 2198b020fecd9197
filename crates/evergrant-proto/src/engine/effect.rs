//! What an [`Engine`](super::Engine) wants done, and what it says.

use std::{sync::Arc, time::Duration};

use super::Pace;
use crate::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    diagnosis::Diagnosis,
    grant::{AccessEntry, AccessKey, GrantRecord, GrantState},
    name::{AuthorizationId, Generation, GrantId},
    scope::ScopeSet,
    secret::AuthorizationState,
    time::{Moment, Timestamp},
    transaction::{Command, Conflict, Reply},
    wire::http::{HttpRequest, HttpResponse, TransportFailure},
};

/// Names one effect that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId(pub(crate) u64);

/// Names one caller; chosen by whoever drives the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Names one reserved place in the lifeboat; chosen by whoever keeps the lifeboat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub u64);

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Carry out the effect and bring back its outcome.
    Perform(EffectId, Effect),
    /// Tell the caller.
    Answer(CallId, Answer),
    /// A cache may serve this until something else is published.
    Publish(Arc<Issue>),
    /// A cache must not serve this grant and key any more.
    Forget(GrantId, AccessKey),
}

/// One effect on the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read a grant and its client. Outcome: [`Outcome::Found`].
    Read(GrantId),
    /// Read which grants are due. Outcome: [`Outcome::Due`].
    ReadDue {
        /// Due at this time or before.
        until: Timestamp,
        /// At most this many, the longest due first.
        limit: usize,
    },
    /// Read the authorization that a callback's `state` belongs to, and its client. Outcome: [`Outcome::Authorization`].
    FindAuthorization(AuthorizationState),
    /// Reserve a place in the lifeboat. Outcome: [`Outcome::Reserved`].
    Reserve,
    /// Give back a place in the lifeboat; its record, if any, is in the store now. Outcome: none is waited for.
    Release(SlotId),
    /// Execute a command in the store. Outcome: [`Outcome::Transacted`].
    Transact(Box<Command>),
    /// Write a command into the lifeboat, sealed, and fsync it. Outcome: [`Outcome::Rescued`].
    Rescue {
        /// The place reserved for it.
        slot: SlotId,
        /// A [`Command::Succeed`] or [`Command::Complete`].
        command: Box<Command>,
    },
    /// Send one request, once. Outcome: [`Outcome::Answered`].
    Send {
        /// What to send.
        request: HttpRequest,
        /// Checked immediately before the first byte; when it has passed nothing is sent.
        not_after: Moment,
        /// From the first byte sent to the last received.
        deadline: Duration,
    },
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Of [`Effect::Read`]; `Ok(None)`: there is none.
    Found(Result<Option<Box<(GrantRecord, ClientRecord)>>, StoreFailure>),
    /// Of [`Effect::ReadDue`]; empty if the store could not be read.
    Due(Vec<GrantId>),
    /// Of [`Effect::FindAuthorization`].
    Authorization(Result<Option<Box<(AuthorizationRecord, ClientRecord)>>, StoreFailure>),
    /// Of [`Effect::Reserve`].
    Reserved(Result<SlotId, StoreFailure>),
    /// Of [`Effect::Transact`].
    Transacted(Result<Reply, StoreFailure>),
    /// Of [`Effect::Rescue`]: `Ok` means that it is durable.
    Rescued(Result<(), StoreFailure>),
    /// Of [`Effect::Send`].
    Answered(Result<HttpResponse, TransportFailure>),
}

/// Why the store did not do as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreFailure {
    /// It did nothing, since the command does not fit what it holds.
    Conflict(Conflict),
    /// It did nothing, since it is away: locked, full, read-only, unreachable, key missing.
    Away(String),
    /// It did nothing, since there is no room for one more request now: others end soon.
    Busy,
    /// It may or may not have committed.
    Ambiguous(String),
}

/// What a caller is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// An access token that works, as far as anybody knows.
    Token(Arc<Issue>),
    /// None, and why.
    Refused(Box<Refusal>),
    /// How an authorization ended.
    Callback(Box<CallbackEnd>),
    /// The poll for a device brought no decision.
    Pending(Pace),
    /// The grant after a revocation: confirmed by the provider or still owed.
    Revoked(Box<GrantRecord>),
}

/// An access token as it is handed out.
#[derive(Debug, Clone, PartialEq)]
pub struct Issue {
    /// The grant.
    pub grant: GrantId,
    /// The token and its dates.
    pub access: AccessEntry,
    /// The scope it carries.
    pub scope: ScopeSet,
    /// The grant's generation: what a rejection names.
    pub generation: Generation,
    /// The token works, but the grant is in trouble.
    pub warning: Option<Box<Diagnosis>>,
}

impl Issue {
    /// What the grant can hand out for `key`; `None` if it holds nothing for it, or the grant was revoked.
    pub fn of(grant: &GrantRecord, key: &AccessKey) -> Option<Self> {
        if grant.state == GrantState::Revoked {
            return None;
        }
        let access = grant.access_for(key)?.clone();
        Some(Self {
            grant: grant.id,
            scope: access.scope.clone().unwrap_or_else(|| grant.granted.clone()),
            generation: access.generation,
            access,
            warning: grant.state.diagnosis().map(|diagnosis| Box::new(diagnosis.clone())),
        })
    }
}

/// Why there is no access token.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No grant of that id.
    #[error("there is no such grant")]
    NoSuchGrant,
    /// Revoked by us.
    #[error("the grant was revoked")]
    Revoked,
    /// The grant is dead: only its resource owner can help.
    #[error("the grant needs re-authorization: {}", .0.cause)]
    NeedsReauthorization(Box<Diagnosis>),
    /// The access token has ended and no refresh token was ever issued.
    #[error("the access token has ended and the provider issued no refresh token")]
    NotRefreshable,
    /// The provider refuses what is asked for.
    #[error("the provider refuses the request: {}", .0.cause)]
    RequestRefused(Box<Diagnosis>),
    /// The provider rejects the client's registration.
    #[error("the provider rejects the client: {}", .diagnosis.cause)]
    ClientRejected {
        /// Why.
        diagnosis: Box<Diagnosis>,
        /// When a probe is due.
        retry_after: Duration,
    },
    /// A refresh is under way, or waits until there is room for it, for longer than the caller may wait.
    #[error("a refresh is in progress")]
    InProgress {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The refresh token may be spent, and presenting it again is not safe yet.
    #[error("the outcome of a refresh is unknown")]
    OutcomeUnknown {
        /// What is known.
        diagnosis: Option<Box<Diagnosis>>,
        /// When to ask again.
        retry_after: Duration,
    },
    /// The provider or the way to it is down; retried with backoff.
    #[error("the provider cannot be reached or does not answer properly")]
    ProviderUnavailable {
        /// What is known.
        diagnosis: Option<Box<Diagnosis>>,
        /// When to ask again.
        retry_after: Duration,
    },
    /// Our own store, key or lifeboat is away: nothing was sent.
    #[error("the store is not available: {0}")]
    StoreUnavailable(String),
    /// The store was restored or copied and has not been adopted.
    #[error("the store is quarantined: it was restored from a backup or copied; see `evergrant store adopt`")]
    Quarantined,
}

/// How an authorization ended.
#[derive(Debug, Clone, PartialEq)]
pub enum CallbackEnd {
    /// A grant is connected.
    Connected {
        /// The grant.
        grant: Box<GrantRecord>,
        /// The authorization.
        authorization: Box<AuthorizationRecord>,
    },
    /// Another account came back: nothing in the grant changed.
    WrongAccount(Box<AuthorizationRecord>),
    /// The link had been used, had expired, or never existed.
    LinkUsed,
    /// The resource owner or the provider said no.
    Denied {
        /// The authorization.
        authorization: AuthorizationId,
        /// The RFC 6749 4.1.2.1 error, masked.
        reason: String,
        /// What it means.
        diagnosis: Option<Box<Diagnosis>>,
        /// Whereto the user is returned.
        return_url: Option<String>,
    },
    /// The exchange of the code failed.
    Failed {
        /// The authorization.
        authorization: AuthorizationId,
        /// Why, masked.
        reason: String,
        /// What it means, where the provider's answer tells.
        diagnosis: Option<Box<Diagnosis>>,
    },
    /// Our own store is away.
    StoreUnavailable(String),
}
