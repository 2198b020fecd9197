//! When a grant ends if nobody acts: by what the provider announced with its tokens and by what the catalogue knows.
//!
//! An idle end is averted by any refresh, which a running server makes in time; an absolute one by the user alone. Both
//! are told, since a server that is not running, or whose refreshes fail, averts nothing. Every end is an upper bound:
//! users and administrators end grants at any time, and the consent behind an imported token is older than its import.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    diagnosis::Cause,
    grant::{AccessKey, Expiry, GrantRecord, GrantState},
    provider::Provider,
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
pub fn endings(grant: &GrantRecord, provider: &Provider, published: bool) -> Vec<Ending> {
    let mut endings = match grant.state {
        GrantState::NeedsReauthorization { .. } | GrantState::Revoked => Vec::new(),
        GrantState::NotRefreshable => without_refresh_token(grant).into_iter().collect(),
        GrantState::Active | GrantState::Degraded { .. } => [
            announced_token_end(grant),
            announced_authorization_end(grant),
            idle_end(grant, provider),
            absolute_end(grant, provider),
            end_of_testing(grant, provider).filter(|_| !published),
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
    let entry = grant.access_for(&AccessKey::default())?;
    let Expiry::At(at) = entry.expiry else { return None };
    Some(Ending {
        at,
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
fn idle_end(grant: &GrantRecord, provider: &Provider) -> Option<Ending> {
    let announced = grant.credential.as_ref().is_some_and(|credential| credential.expires_at.is_some());
    let lifetime = provider.lifetimes.idle.filter(|_| !announced)?;
    Some(Ending {
        at: grant.last_success_at.plus(lifetime),
        only_if: None,
        cause: Cause::RefreshTokenExpiredIdle,
        averted_by: averted_by_refresh(grant),
        source: Source::Catalogue,
        lifetime,
    })
}

fn absolute_end(grant: &GrantRecord, provider: &Provider) -> Option<Ending> {
    let announced =
        grant.credential.as_ref().is_some_and(|credential| credential.authorization_expires_at.is_some());
    let lifetime = provider.lifetimes.absolute.filter(|_| !announced)?;
    Some(Ending {
        at: authorized_at(grant)?.plus(lifetime),
        only_if: None,
        cause: Cause::RefreshTokenExpiredAbsolute,
        averted_by: Averter::Reauthorization,
        source: Source::Catalogue,
        lifetime,
    })
}

fn end_of_testing(grant: &GrantRecord, provider: &Provider) -> Option<Ending> {
    let lifetime = provider.lifetimes.testing?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnosis::{Certainty, Diagnosis},
        failure::Culprit,
        grant::{AccessEntry, Credential, Degradation},
        name::Generation,
        secret::{AccessToken, RefreshToken},
    };

    const DAY: u64 = 86_400;

    fn at(days: u64) -> Timestamp {
        Timestamp::from_seconds(i64::try_from(days * DAY).unwrap())
    }

    /// Given at day 0, refreshed at day 1, at a provider whose grants live 10 days unused and 100 in all.
    fn world() -> (GrantRecord, Provider) {
        let grant = serde_json::json!({
            "id": "g_00000000000000000000000000000001", "namespace": "default", "client": "crm",
            "owner": { "subject": null, "tenant": null, "external_id": null, "labels": {} },
            "requested": "", "granted": "", "state": { "state": "active" }, "generation": 2,
            "lineage_start": 1, "fence": 1, "lease": null, "blocked_until": null, "verdict": null, "failures": 0,
            "retry_at": null, "next_due_at": null, "revocation": null, "removed_at": null, "created_at": 0,
            "last_success_at": at(1),
        });
        let mut grant: GrantRecord = serde_json::from_value(grant).unwrap();
        grant.credential = Some(Credential {
            refresh_token: RefreshToken::new("rt").unwrap(),
            generation: Generation(2),
            obtained_at: at(1),
            expires_at: None,
            authorization_expires_at: None,
        });
        let mut provider = Provider::generic();
        provider.lifetimes.idle = Some(Duration::from_secs(10 * DAY));
        provider.lifetimes.absolute = Some(Duration::from_secs(100 * DAY));
        (grant, provider)
    }

    fn ends(grant: &GrantRecord, provider: &Provider) -> Vec<(Timestamp, Cause, Averter)> {
        let ends = endings(grant, provider, false);
        ends.into_iter().map(|end| (end.at, end.cause, end.averted_by)).collect()
    }

    const IDLE: Cause = Cause::RefreshTokenExpiredIdle;
    const ABSOLUTE: Cause = Cause::RefreshTokenExpiredAbsolute;

    #[test]
    fn the_catalogue_counts_from_the_last_use_and_from_the_consent() {
        let (mut grant, provider) = world();
        let expected = [(at(11), IDLE, Averter::Refresh), (at(100), ABSOLUTE, Averter::Reauthorization)];
        assert_eq!(ends(&grant, &provider), expected);
        grant.life.authorized_at = Some(at(50));
        assert_eq!(ends(&grant, &provider)[1].0, at(150));
    }

    #[test]
    fn what_the_provider_announced_wins_over_the_catalogue() {
        let (mut grant, provider) = world();
        let credential = grant.credential.as_mut().unwrap();
        credential.expires_at = Some(at(4));
        credential.authorization_expires_at = Some(at(30));
        let expected = [(at(4), IDLE, Averter::Refresh), (at(30), ABSOLUTE, Averter::Reauthorization)];
        assert_eq!(ends(&grant, &provider), expected);
        // An end that no refresh moves is one that no refresh averts.
        grant.life.fixed_end = Some(at(4));
        assert_eq!(ends(&grant, &provider)[0], (at(4), ABSOLUTE, Averter::Reauthorization));
    }

    #[test]
    fn a_grant_whose_refreshes_fail_needs_more_than_a_refresh() {
        let (mut grant, provider) = world();
        let diagnosis = Box::new(undetermined());
        grant.state = GrantState::Degraded { reason: Degradation::Transient, diagnosis: diagnosis.clone() };
        assert_eq!(ends(&grant, &provider)[0], (at(11), IDLE, Averter::Repair));
        grant.state = GrantState::NeedsReauthorization { diagnosis };
        assert_eq!(ends(&grant, &provider), []);
        grant.state = GrantState::Revoked;
        assert_eq!(ends(&grant, &provider), []);
    }

    #[test]
    fn without_a_refresh_token_the_access_token_is_the_end() {
        let (mut grant, provider) = world();
        grant.state = GrantState::NotRefreshable;
        grant.access = vec![AccessEntry {
            key: AccessKey::default(),
            token: AccessToken::new("at").unwrap(),
            token_type: "Bearer".to_owned(),
            scope: None,
            issued_at: at(1),
            expiry: Expiry::At(at(2)),
            generation: Generation(2),
            rejected: false,
            jitter: 0,
        }];
        let found = ends(&grant, &provider);
        assert_eq!(found, [(at(2), Cause::MissingRefreshToken, Averter::Reauthorization)]);
    }

    #[test]
    fn the_end_of_testing_is_told_with_its_condition_unless_the_application_is_published() {
        let (grant, mut provider) = world();
        provider.lifetimes.testing = Some(Duration::from_secs(7 * DAY));
        let first = &endings(&grant, &provider, false)[0];
        assert_eq!((first.at, first.only_if), (at(7), Some(Condition::AppInTesting)));
        assert!(first.evidence().contains("in testing end after 7 days"), "{}", first.evidence());
        assert!(endings(&grant, &provider, true).iter().all(|end| end.only_if.is_none()));
    }

    fn undetermined() -> Diagnosis {
        Diagnosis {
            cause: Cause::Undetermined,
            certainty: Certainty::Possible,
            culprit: Culprit::Provider,
            permanent: false,
            retry: true,
            remedies: Vec::new(),
            evidence: Vec::new(),
            alternatives: Vec::new(),
        }
    }
}
