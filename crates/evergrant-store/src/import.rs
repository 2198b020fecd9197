//! Many grants from outside at once.
//!
//! A file of grants is sent twice, or half of it is: so each line has to find again what it brought before. A refresh
//! token tells that by itself, and goes on telling it after it was rotated away: to keep it as a new grant then, and to
//! present it, would end the grant that it once became.

use evergrant_proto::{
    name::GrantId,
    transaction::{Conflict, Import},
};

/// One grant of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What is to be kept. Its grant is the one to make, or the one to give the refresh token to.
    pub import: Import,
    /// Whether its grant exists and was named by the caller.
    pub named: bool,
}

/// By what a new refresh token finds the grant that it belongs to, where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// By the account: the client and its subject there.
    #[default]
    Account,
    /// By the account, else by the client and the caller's own id of the person, who then has one grant of a client.
    Person,
}

/// Grants to take over in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Imports {
    /// In their order. A few hundred: whoever else writes waits for them.
    pub candidates: Vec<Candidate>,
    /// By what grants are found.
    pub matching: Matching,
    /// Nothing is written: only what would happen is told. Each candidate is looked at as if it came alone.
    pub dry_run: bool,
}

/// What became of one candidate.
pub type Outcome = Result<Imported, Declined>;

/// A grant that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// A new one.
    Created(GrantId),
    /// One that existed has a new refresh token.
    Updated(GrantId),
    /// It was brought before. Nothing was done.
    Unchanged(GrantId),
}

impl Imported {
    /// Which grant.
    pub fn grant(self) -> GrantId {
        let (Self::Created(grant) | Self::Updated(grant) | Self::Unchanged(grant)) = self;
        grant
    }
}

/// Why a candidate was not taken. Nothing was done for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// As for a single import.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// Another namespace has the refresh token.
    #[error("a grant of another namespace has this refresh token")]
    HeldElsewhere,
    /// The refresh token belongs to a grant of another client or another person.
    #[error("grant {0} has this refresh token, and belongs to another client, person or account")]
    HeldByAnother(GrantId),
    /// The refresh token was imported before, and its grant was revoked or removed since.
    #[error("this refresh token was imported before, and its grant {0} was revoked or removed since")]
    Ended(GrantId),
    /// The grant holds a refresh token that was obtained later.
    #[error("grant {0} holds a refresh token that was obtained later")]
    Older(GrantId),
    /// The person has several grants of this client.
    #[error("several grants of this client have this external id: name the grant")]
    Ambiguous,
}
