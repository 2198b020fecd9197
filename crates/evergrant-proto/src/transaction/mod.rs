//! The store's transactions as pure functions.
//!
//! A store that executes a [`Command`] opens a transaction, loads the records that the command names into
//! [`Loaded`], calls [`apply`], writes the records of the [`Change`] and appends its events, and commits. Every
//! store executes the same functions, so they cannot differ in what they allow.
//!
//! Every function that records an outcome is idempotent by attempt id: after a commit whose fate is unknown, the
//! same command is executed again.

mod authorize;
mod claim;
mod configure;
mod expiry;
mod import;
mod learn;
mod outcome;
mod probe;
mod reject;
mod revoke;
mod schedule;
mod succeed;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    diagnosis::Sighting,
    grant::{Event, EventKind, GrantRecord, StoreTime},
    name::{AttemptId, AuthorizationId, ClientName, GrantId, HolderId, Namespace},
    secret::RefreshToken,
};

pub use authorize::{Block, Complete, Connected, FailAuthorization, JournalExchange, OpenAuthorization};
pub use claim::{Claim, Claimed, Deferral, Wait, Want};
pub use configure::PutClient;
pub use expiry::unrenewable;
pub use import::Import;
pub use outcome::{End, Ending, Refuse, RejectClient};
pub use reject::{Reject, Seen};
pub use revoke::{ConfirmRevocation, Revoke};
pub use schedule::Postpone;
pub use succeed::Succeed;

/// The protocol's deadlines, in one table.
pub mod deadlines {
    use std::time::Duration;

    /// From the first byte sent to the last byte received of one refresh. Below [`LEASE`].
    pub const FLIGHT: Duration = Duration::from_secs(30);
    /// How long a lease lasts without being given back.
    pub const LEASE: Duration = Duration::from_secs(60);
    /// The first byte leaves at most this long after the lease was asked for, so that flight and commit fit into it.
    pub const SEND_WITHIN: Duration = Duration::from_secs(15);
    /// How long the process of an open attempt is given to come back with its answer before a strict provider is
    /// asked again.
    pub const OWNER_WAIT: Duration = Duration::from_secs(10 * 60);
    /// How long a valid callback waits for an open flight of its grant.
    pub const EXCHANGE_WAIT: Duration = Duration::from_secs(10);
    /// How long a caller waits for a token. Shorter than a flight.
    pub const CALLER: Duration = Duration::from_secs(10);

    /// Longer than any wait after a failure, one that a provider has asked for among them.
    pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(70 * 60);

    /// The clocks of several hosts differ by less than this.
    pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
}

/// What a store is asked to do, atomically.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Take the lease of a grant and journal an attempt, if a refresh is needed and allowed.
    Claim(Claim),
    /// Record that an attempt brought tokens.
    Succeed(Box<Succeed>),
    /// Take in what an attempt brought of which the journal knows nothing: the store was put back to before it.
    Salvage(Box<Succeed>),
    /// Record that the provider refused the grant.
    Refuse(Box<Refuse>),
    /// Record that the provider rejected the client's registration.
    RejectClient(Box<RejectClient>),
    /// Record that an attempt ended without tokens and without a verdict.
    End(Box<End>),
    /// Put off a grant that is due while its provider is down.
    Postpone(Postpone),
    /// Note that a resource server rejected the access token.
    Reject(Reject),
    /// Add a grant from outside, or a new refresh token to one.
    Import(Box<Import>),
    /// Mark a grant as revoked by us.
    Revoke(Revoke),
    /// Record the provider's answer to a revocation.
    ConfirmRevocation(ConfirmRevocation),
    /// Open an authorization.
    OpenAuthorization(Box<OpenAuthorization>),
    /// Keep new flights of a grant from starting while a callback waits.
    Block(Block),
    /// Use up the link: journal the exchange of its code.
    JournalExchange(JournalExchange),
    /// Record that an exchange brought tokens.
    Complete(Box<Complete>),
    /// Record that an authorization ended without a grant.
    FailAuthorization(FailAuthorization),
    /// Add a client, or change its configuration.
    PutClient(Box<PutClient>),
}

/// The records that a command names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subjects {
    /// The grant to load, with its client, its attempts of the current generation, its open attempts, and the attempt
    /// that the command names ([`Command::attempt`]).
    pub grant: Option<GrantId>,
    /// The client to load where no grant leads to it.
    pub client: Option<(Namespace, ClientName)>,
    /// The authorization to load, with its client and grant. Where a [`Complete`] leads to no grant yet and does not
    /// ask for a new one, the grant of the same namespace, client and subject is loaded, unless removed or revoked.
    pub authorization: Option<AuthorizationId>,
}

impl Command {
    /// Which records the store has to load.
    pub fn subjects(&self) -> Subjects {
        let grant = |id: GrantId| Subjects { grant: Some(id), ..Subjects::default() };
        let authorization = |id| Subjects { authorization: Some(id), ..Subjects::default() };
        match self {
            Self::Claim(claim) => grant(claim.grant),
            Self::Succeed(succeed) | Self::Salvage(succeed) => grant(succeed.grant),
            Self::Refuse(refuse) => grant(refuse.grant),
            Self::RejectClient(reject) => grant(reject.grant),
            Self::End(end) => grant(end.grant),
            Self::Postpone(postpone) => grant(postpone.grant),
            Self::Reject(reject) => grant(reject.grant),
            Self::Revoke(revoke) => grant(revoke.grant),
            Self::ConfirmRevocation(confirm) => grant(confirm.grant),
            Self::Block(block) => grant(block.grant),
            Self::Import(import) => Subjects {
                grant: Some(import.grant),
                client: Some((import.namespace.clone(), import.client.clone())),
                authorization: None,
            },
            Self::OpenAuthorization(open) => Subjects {
                grant: open.record.grant,
                client: Some((open.record.namespace.clone(), open.record.client.clone())),
                authorization: Some(open.record.id),
            },
            Self::JournalExchange(journal) => authorization(journal.authorization),
            Self::Complete(complete) => authorization(complete.authorization),
            Self::FailAuthorization(fail) => authorization(fail.authorization),
            Self::PutClient(put) => Subjects {
                client: Some((put.record.namespace.clone(), put.record.name.clone())),
                ..Subjects::default()
            },
        }
    }
}

impl Command {
    /// The attempt whose outcome the command records.
    pub fn attempt(&self) -> Option<AttemptId> {
        match self {
            Self::Succeed(succeed) | Self::Salvage(succeed) => Some(succeed.attempt),
            Self::Refuse(refuse) => Some(refuse.attempt),
            Self::RejectClient(reject) => Some(reject.attempt),
            Self::End(end) => Some(end.attempt),
            _ => None,
        }
    }

    /// Whether the newest events are to be loaded: how the client's other grants fare tells what a refusal means. No
    /// other command pays for it.
    pub fn looks_around(&self) -> bool {
        matches!(self, Self::Refuse(_) | Self::RejectClient(_))
    }

    /// The refresh token that the command would make a grant hold from outside: the store looks for another holder.
    pub fn brings(&self) -> Option<&RefreshToken> {
        match self {
            Self::Import(import) => Some(&import.refresh_token),
            _ => None,
        }
    }
}

/// What the store loaded, and what it alone knows.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The grant named by the command, or led to by its authorization.
    pub grant: Option<GrantRecord>,
    /// The client named by the command, or belonging to its grant or authorization. Shared: most commands leave it
    /// as it is, and thousands of grants have the same one.
    pub client: Option<Arc<ClientRecord>>,
    /// The authorization named by the command.
    pub authorization: Option<AuthorizationRecord>,
    /// The clock that leases are counted on.
    pub now: StoreTime,
    /// Of the processes named by the grant's lease and open attempts: those that have ended and of which the
    /// lifeboat holds nothing that is not in the store.
    pub ended_holders: BTreeSet<HolderId>,
    /// Another grant that holds the refresh token which the command brings (by keyed fingerprint), or that was given it by
    /// an import: then it is spent, or held by a grant that is dead.
    pub held_by: Option<GrantId>,
    /// The store was restored or copied: nothing may be presented until it is adopted.
    pub quarantined: bool,
    /// How often the store was adopted: a refresh token from before the last time may have been spent elsewhere.
    pub adoptions: u64,
    /// Of a command that [looks around](Command::looks_around): the newest events of the grant's namespace, the newest
    /// first, at most [`LOOKED_AT`](crate::diagnosis::LOOKED_AT).
    pub recent: Vec<Sighting>,
}

/// What the store has to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The grant as it is now; `None`: unchanged.
    pub grant: Option<GrantRecord>,
    /// The client as it is now; `None`: unchanged.
    pub client: Option<ClientRecord>,
    /// The authorization as it is now; `None`: unchanged.
    pub authorization: Option<AuthorizationRecord>,
    /// Events to append.
    pub events: Vec<Event>,
    /// Every degraded grant of this client becomes due now: what kept it from refreshing is gone.
    pub resume: Option<(Namespace, ClientName)>,
    /// Every other open authorization of this grant ends as superseded: one link at a time.
    pub closes_links_of: Option<GrantId>,
    /// What to tell the one who asked, after the commit.
    pub reply: Reply,
}

/// What a command brought about.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The lease is taken and the attempt journalled: send.
    Claimed(Box<Claimed>),
    /// No request is needed or allowed now.
    Deferred(Box<Deferral>),
    /// The grant as it is after the command.
    Grant(Box<GrantRecord>),
    /// The client as it is after the command.
    Client(Box<ClientRecord>),
    /// The authorization as it is after the command.
    Authorization(Box<AuthorizationRecord>),
    /// A flight is open; ask again.
    Busy {
        /// Its lease ends at the latest after this time.
        for_at_most: Duration,
    },
    /// An authorization led to a grant.
    Connected(Box<Connected>),
}

/// Why a command was not executed; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// No grant of that id.
    #[error("there is no such grant")]
    NoSuchGrant,
    /// No client of that name.
    #[error("there is no such client")]
    NoSuchClient,
    /// No authorization of that id.
    #[error("there is no such authorization")]
    NoSuchAuthorization,
    /// The attempt is not in the journal.
    #[error("attempt {0} is not in the journal")]
    NoSuchAttempt(AttemptId),
    /// A client of that name exists, or was changed by somebody else meanwhile.
    #[error("the client was changed meanwhile: it is at version {0} now")]
    ClientChanged(u64),
    /// Another grant holds this refresh token, or what came of it: two holders of one token kill each other's grants.
    #[error("grant {0} holds this refresh token already, or what came of it")]
    AlreadyHeld(GrantId),
    /// The grant belongs to another client or namespace.
    #[error("the grant belongs to another client")]
    OtherClient,
    /// The link was used, has expired, or its authorization has ended.
    #[error("the link has been used or has expired")]
    LinkUsed,
    /// The account at the provider is not the one that the grant belongs to; nothing in the grant changed.
    #[error("this is not the account that the grant belongs to")]
    WrongAccount,
    /// The grant was revoked.
    #[error("the grant was revoked")]
    Revoked,
    /// The response brought nothing that can be kept.
    #[error("the response brought no token that can be kept")]
    NothingIssued,
}

/// Executes `command` on what was loaded. Pure: the same input gives the same change.
pub fn apply(loaded: &Loaded, command: &Command) -> Result<Change, Conflict> {
    let mut change = decide(loaded, command)?;
    learn::note(loaded, command, &mut change);
    probe::conclude(loaded, command, &mut change);
    expiry::warn(loaded, command, &mut change);
    change.count(loaded.grant.as_ref());
    Ok(change)
}

fn decide(loaded: &Loaded, command: &Command) -> Result<Change, Conflict> {
    match command {
        Command::Claim(command) => claim::claim(loaded, command),
        Command::Succeed(command) => succeed::succeed(loaded, command),
        Command::Salvage(command) => succeed::salvage(loaded, command),
        Command::Refuse(command) => outcome::refuse(loaded, command),
        Command::RejectClient(command) => outcome::reject_client(loaded, command),
        Command::End(command) => outcome::end(loaded, command),
        Command::Postpone(command) => schedule::postpone(loaded, command),
        Command::Reject(command) => reject::reject(loaded, command),
        Command::Import(command) => import::import(loaded, command),
        Command::Revoke(command) => revoke::revoke(loaded, command),
        Command::ConfirmRevocation(command) => revoke::confirm(loaded, command),
        Command::OpenAuthorization(command) => authorize::open(loaded, command),
        Command::Block(command) => authorize::block(loaded, command),
        Command::JournalExchange(command) => authorize::journal_exchange(loaded, command),
        Command::Complete(command) => authorize::complete(loaded, command),
        Command::FailAuthorization(command) => authorize::fail(loaded, command),
        Command::PutClient(command) => configure::put_client(loaded, command),
    }
}

impl Loaded {
    /// The same, with leases counted on a clock that people set.
    fn on_the_wall(&self, wall: crate::time::Timestamp) -> Self {
        let now = StoreTime { milliseconds: wall.0.unsigned_abs(), ..self.now };
        Self { now, ..self.clone() }
    }
}

impl Change {
    /// Nothing to write.
    fn none(reply: Reply) -> Self {
        Self {
            grant: None,
            client: None,
            authorization: None,
            events: Vec::new(),
            resume: None,
            closes_links_of: None,
            reply,
        }
    }

    /// A changed grant, which is also the reply.
    fn grant(grant: GrantRecord, events: Vec<Event>) -> Self {
        let reply = Reply::Grant(Box::new(grant.clone()));
        Self { grant: Some(grant), events, ..Self::none(reply) }
    }

    /// Gives what is written, and the reply that tells of it, the next revision.
    fn count(&mut self, before: Option<&GrantRecord>) {
        let (Some(after), Some(before)) = (&mut self.grant, before) else { return };
        if after != before {
            after.revision = before.revision + 1;
            if let Some(told) = self.reply.grant_mut() {
                told.revision = after.revision;
            }
        }
    }
}

impl Reply {
    /// The grant that it tells of, if any.
    fn grant_mut(&mut self) -> Option<&mut GrantRecord> {
        match self {
            Self::Claimed(claimed) => Some(&mut claimed.grant),
            Self::Deferred(deferral) => Some(&mut deferral.grant),
            Self::Grant(grant) => Some(grant),
            Self::Connected(connected) => Some(&mut connected.grant),
            Self::Client(_) | Self::Authorization(_) | Self::Busy { .. } => None,
        }
    }
}

impl GrantRecord {
    /// An event of this grant as it is now.
    fn event(&self, kind: EventKind, at: crate::time::Timestamp) -> Event {
        Event {
            at,
            namespace: self.namespace.clone(),
            client: self.client.clone(),
            grant: Some(self.id),
            generation: Some(self.generation),
            attempt: None,
            kind,
            diagnosis: None,
            expires_at: None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
