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
    let testing = end_of_testing(grant, provider).filter(|_| !published);
    let mut endings: Vec<_> =
        final_ends(grant, Some(provider)).chain(idle_end(grant, Some(provider))).chain(testing).collect();
    if grant.removed_at.is_some() {
        endings.clear();
    }
    endings.sort_by_key(|ending| ending.at);
    endings
}

/// The soonest end that only the user averts, by what is certain of the application; `None`: nobody has said one.
pub(crate) fn final_end(grant: &GrantRecord, provider: Option<&Provider>) -> Option<Ending> {
    final_ends(grant, provider).min_by_key(|ending| ending.at)
}

fn final_ends(grant: &GrantRecord, provider: Option<&Provider>) -> impl Iterator<Item = Ending> {
    let (access, others) = match grant.state {
        GrantState::NeedsReauthorization { .. } | GrantState::Revoked => (None, [const { None }; 2]),
        GrantState::NotRefreshable => (end_of_access(grant), [const { None }; 2]),
        GrantState::Active | GrantState::Degraded { .. } => {
            (None, [fixed_token_end(grant), authorization_end(grant, provider)])
        }
    };
    access.into_iter().chain(others.into_iter().flatten())
}

/// When the refresh token ends if it is not used. What was announced wins over the catalogue; an announced end that using
/// the token does not move is one of the whole authorization.
pub(crate) fn idle_end(grant: &GrantRecord, provider: Option<&Provider>) -> Option<Ending> {
    let averted_by = match grant.state {
        GrantState::Active => Averter::Refresh,
        GrantState::Degraded { .. } => Averter::Repair,
        GrantState::NeedsReauthorization { .. } | GrantState::NotRefreshable | GrantState::Revoked => {
            return None;
        }
    };
    let credential = grant.credential.as_ref()?;
    let announced = credential.expires_at.filter(|_| grant.life.fixed_end.is_none());
    let (at, source, lifetime) = if let Some(at) = announced {
        (at, Source::Announced, at.since(credential.obtained_at))
    } else {
        let lifetime = provider?.lifetimes.idle?;
        (grant.last_success_at.plus(lifetime), Source::Catalogue, lifetime)
    };
    Some(Ending { at, only_if: None, cause: Cause::RefreshTokenExpiredIdle, averted_by, source, lifetime })
}

/// Without a refresh token the grant ends with its access token.
fn end_of_access(grant: &GrantRecord) -> Option<Ending> {
    let entry = grant.access_for(&AccessKey::default()).filter(|entry| !entry.rejected)?;
    let Expiry::At(at) = entry.expiry else { return None };
    Some(only_the_user_averts(at, Cause::MissingRefreshToken, Source::Announced, entry.lifetime()))
}

/// An announced end of the refresh token that no refresh moves is one of the whole chain.
fn fixed_token_end(grant: &GrantRecord) -> Option<Ending> {
    let at = grant.life.fixed_end?;
    Some(end_of_authorization(grant, at, Source::Announced))
}

/// What was announced wins over the catalogue.
fn authorization_end(grant: &GrantRecord, provider: Option<&Provider>) -> Option<Ending> {
    if let Some(at) = grant.credential.as_ref().and_then(|credential| credential.authorization_expires_at) {
        return Some(end_of_authorization(grant, at, Source::Announced));
    }
    let at = authorized_at(grant)?.plus(provider?.lifetimes.absolute?);
    Some(end_of_authorization(grant, at, Source::Catalogue))
}

fn end_of_authorization(grant: &GrantRecord, at: Timestamp, source: Source) -> Ending {
    let began = authorized_at(grant).unwrap_or(grant.created_at);
    only_the_user_averts(at, Cause::RefreshTokenExpiredAbsolute, source, at.since(began))
}

fn only_the_user_averts(at: Timestamp, cause: Cause, source: Source, lifetime: Duration) -> Ending {
    Ending { at, only_if: None, cause, averted_by: Averter::Reauthorization, source, lifetime }
}

fn end_of_testing(grant: &GrantRecord, provider: &Provider) -> Option<Ending> {
    if !matches!(grant.state, GrantState::Active | GrantState::Degraded { .. }) {
        return None;
    }
    let lifetime = provider.lifetimes.testing?;
    let at = authorized_at(grant)?.plus(lifetime);
    let ending = only_the_user_averts(at, Cause::AppInTestingMode, Source::Catalogue, lifetime);
    Some(Ending { only_if: Some(Condition::AppInTesting), ..ending })
}

/// When this authorization was given; of a first one from before that was written down, when the grant was made.
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

    /// An authorization is as old as the consent, not as the newest token, and ends by the announcement as a whole.
    #[test]
    fn an_announced_life_counts_from_where_it_began() {
        let (mut grant, _) = world();
        let days = |days: u64| Some(Duration::from_secs(days * DAY));
        assert_eq!(grant.announced_lifetimes(), (None, None));
        let credential = grant.credential.as_mut().unwrap();
        credential.expires_at = Some(at(4));
        credential.authorization_expires_at = Some(at(30));
        assert_eq!(grant.announced_lifetimes(), (days(3), days(30)));
        grant.life.fixed_end = Some(at(4));
        assert_eq!(grant.announced_lifetimes(), (None, days(4)));
        grant.life.authorized_at = Some(at(1));
        assert_eq!(grant.announced_lifetimes(), (None, days(3)));
    }

    /// A provider that stops saying it has not taken it back.
    #[test]
    fn an_end_that_no_refresh_moves_holds_after_an_answer_that_does_not_repeat_it() {
        let (mut grant, provider) = world();
        grant.life.fixed_end = Some(at(40));
        let expected = [(at(11), IDLE, Averter::Refresh), (at(40), ABSOLUTE, Averter::Reauthorization)];
        assert_eq!(ends(&grant, &provider)[..2], expected);
    }

    /// What the record says of itself is what is foretold: `life.ends_at` is the soonest end that only the user averts.
    #[test]
    fn the_end_in_the_record_is_the_soonest_that_only_the_user_averts() {
        let (mut grant, provider) = world();
        let final_at = |grant: &GrantRecord| final_end(grant, Some(&provider)).map(|end| end.at);
        assert_eq!(final_at(&grant), Some(at(100)));
        grant.credential.as_mut().unwrap().authorization_expires_at = Some(at(30));
        assert_eq!(final_at(&grant), Some(at(30)));
        grant.life.fixed_end = Some(at(20));
        assert_eq!(final_at(&grant), Some(at(20)));
        let told = endings(&grant, &provider, false);
        let told = told.iter().find(|end| end.averted_by == Averter::Reauthorization);
        assert_eq!(told.cloned(), final_end(&grant, Some(&provider)));
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
