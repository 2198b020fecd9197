//! When a grant ends if nobody acts: by what the provider announced with its tokens and by what the catalogue knows.
//!
//! An idle end is averted by any refresh, which a running server makes in time; an absolute one by the user alone. Both
//! are told, since a server that is not running, or whose refreshes fail, averts nothing. Every end is an upper bound:
//! users and administrators end grants at any time, and the consent behind an imported token is older than its import.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    client::ClientRecord,
    diagnosis::Cause,
    grant::{GrantRecord, GrantState},
    time::Timestamp,
};

/// One way for a grant to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// When, at the latest.
    pub at: Timestamp,
    /// It comes only if something is so that nobody here knows.
    pub only_if: Option<Condition>,
    /// What it will be called when it has come.
    pub cause: Cause,
    /// What keeps it from coming.
    pub averted_by: Averter,
    /// Who says so.
    pub source: Source,
    /// How long what ends lives in all.
    pub lifetime: Duration,
}

/// What an ending depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The application is not published.
    AppInTesting,
}

/// What keeps a grant from ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Averter {
    /// A refresh before that time: a running server makes it by itself.
    Refresh,
    /// A refresh, and refreshes do not work now: first what is in their way.
    Repair,
    /// The user signs in again.
    Reauthorization,
}

/// Who says that there is an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The provider, with the tokens.
    Announced,
    /// The catalogue, of this provider.
    Catalogue,
}

impl Averter {
    /// A phrase for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Refresh => "a refresh, which a running server makes in time",
            Self::Repair => "a refresh; what is in its way has to be repaired first",
            Self::Reauthorization => "the user signs in again",
        }
    }
}

impl Ending {
    /// Why, in one sentence.
    pub fn evidence(&self) -> String {
        let lives = period(self.lifetime);
        let who = match self.source {
            Source::Announced => "The provider announced",
            Source::Catalogue => "The catalogue says of this provider",
        };
        match (self.only_if, self.cause) {
            (Some(Condition::AppInTesting), _) => {
                format!("{who} that the grants of an application in testing end after {lives}.")
            }
            (_, Cause::RefreshTokenExpiredIdle) => {
                format!("{who} that a refresh token that is not used ends after {lives}.")
            }
            (_, Cause::MissingRefreshToken) => {
                format!("The access token lives {lives}, and no refresh token was issued.")
            }
            _ => format!("{who} that an authorization ends after {lives}, however often it is used."),
        }
    }
}

/// Every known end of a grant, the soonest first; none of one that is dead or has no known end. `published`: the
/// application is known to be, since another of its grants has outlived the testing.
pub fn endings(grant: &GrantRecord, client: &ClientRecord, published: bool) -> Vec<Ending> {
    let mut endings = match grant.state {
        GrantState::NeedsReauthorization { .. } | GrantState::Revoked => Vec::new(),
        GrantState::NotRefreshable => without_refresh_token(grant).into_iter().collect(),
        GrantState::Active | GrantState::Degraded { .. } => [
            announced_token_end(grant),
            announced_authorization_end(grant),
            idle_end(grant, client),
            absolute_end(grant, client),
            end_of_testing(grant, client).filter(|_| !published),
        ]
        .into_iter()
        .flatten()
        .collect(),
    };
    if grant.removed_at.is_some() {
        endings.clear();
    }
    endings.sort_by_key(|ending| ending.at);
    endings
}

fn averted_by_refresh(grant: &GrantRecord) -> Averter {
    match grant.state {
        GrantState::Degraded { .. } => Averter::Repair,
        _ => Averter::Refresh,
    }
}

fn without_refresh_token(grant: &GrantRecord) -> Option<Ending> {
    let entry = grant.access.iter().max_by_key(|entry| entry.usable_until())?;
    Some(Ending {
        at: entry.usable_until()?,
        only_if: None,
        cause: Cause::MissingRefreshToken,
        averted_by: Averter::Reauthorization,
        source: Source::Announced,
        lifetime: entry.lifetime(),
    })
}

/// One that a refresh does not move is an end of the whole chain.
fn announced_token_end(grant: &GrantRecord) -> Option<Ending> {
    let credential = grant.credential.as_ref()?;
    let at = credential.expires_at?;
    let (cause, averted_by) = if grant.life.fixed_end == Some(at) {
        (Cause::RefreshTokenExpiredAbsolute, Averter::Reauthorization)
    } else {
        (Cause::RefreshTokenExpiredIdle, averted_by_refresh(grant))
    };
    let lifetime = at.since(credential.obtained_at);
    Some(Ending { at, only_if: None, cause, averted_by, source: Source::Announced, lifetime })
}

fn announced_authorization_end(grant: &GrantRecord) -> Option<Ending> {
    let credential = grant.credential.as_ref()?;
    let at = credential.authorization_expires_at?;
    Some(Ending {
        at,
        only_if: None,
        cause: Cause::RefreshTokenExpiredAbsolute,
        averted_by: Averter::Reauthorization,
        source: Source::Announced,
        lifetime: at.since(credential.obtained_at),
    })
}

/// What was announced wins over the catalogue.
fn idle_end(grant: &GrantRecord, client: &ClientRecord) -> Option<Ending> {
    let announced = grant.credential.as_ref().is_some_and(|credential| credential.expires_at.is_some());
    let lifetime = client.provider.lifetimes.idle.filter(|_| !announced)?;
    Some(Ending {
        at: grant.last_success_at.plus(lifetime),
        only_if: None,
        cause: Cause::RefreshTokenExpiredIdle,
        averted_by: averted_by_refresh(grant),
        source: Source::Catalogue,
        lifetime,
    })
}

fn absolute_end(grant: &GrantRecord, client: &ClientRecord) -> Option<Ending> {
    let announced =
        grant.credential.as_ref().is_some_and(|credential| credential.authorization_expires_at.is_some());
    let lifetime = client.provider.lifetimes.absolute.filter(|_| !announced)?;
    Some(Ending {
        at: authorized_at(grant)?.plus(lifetime),
        only_if: None,
        cause: Cause::RefreshTokenExpiredAbsolute,
        averted_by: Averter::Reauthorization,
        source: Source::Catalogue,
        lifetime,
    })
}

fn end_of_testing(grant: &GrantRecord, client: &ClientRecord) -> Option<Ending> {
    let lifetime = client.provider.lifetimes.testing?;
    Some(Ending {
        at: authorized_at(grant)?.plus(lifetime),
        only_if: Some(Condition::AppInTesting),
        cause: Cause::AppInTestingMode,
        averted_by: Averter::Reauthorization,
        source: Source::Catalogue,
        lifetime,
    })
}

/// When this authorization was given; of a first one without that date, when the grant was made.
pub fn authorized_at(grant: &GrantRecord) -> Option<Timestamp> {
    grant.life.authorized_at.or_else(|| (grant.lineage_start.0 <= 1).then_some(grant.created_at))
}

/// A time span for people: the largest unit that it has at least two of.
pub fn period(duration: Duration) -> String {
    let (count, unit) = match duration.as_secs() {
        seconds @ 0..120 => (seconds, "second"),
        seconds @ 120..7200 => (seconds / 60, "minute"),
        seconds @ 7200..172_800 => (seconds / 3600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
