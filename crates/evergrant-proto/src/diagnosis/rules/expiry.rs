//! Lifetimes that have run out, by what the provider announced and by what the catalogue knows.

use std::time::Duration;

use super::{Facts, Finding, period};
use crate::{
    diagnosis::{Cause, Certainty},
    failure::Stage,
    provider::RotationKind,
};

/// Our records and the provider's differ by transport and clocks: this much of a lifetime counts as all of it.
fn has_passed(age: Duration, lifetime: Duration) -> bool {
    age + (lifetime / 100).min(Duration::from_secs(300)) >= lifetime
}

/// How long an authorization lives, by announcement or by the catalogue.
fn life_of_the_authorization(facts: Facts<'_>) -> Option<Duration> {
    facts.history.announced_authorization_lifetime.or(facts.provider.lifetimes.absolute)
}

/// How long an unused refresh token lives, by announcement or by the catalogue.
fn life_unused(facts: Facts<'_>) -> Option<Duration> {
    facts.history.announced_refresh_lifetime.or(facts.provider.lifetimes.idle)
}

pub(super) fn the_application_is_in_testing(facts: Facts<'_>) -> Option<Finding> {
    let lifetime = facts.provider.lifetimes.testing?;
    if !facts.refresh_token_refused() || facts.history.app_in_testing == Some(false) {
        return None;
    }
    let known = facts.history.app_in_testing == Some(true);
    let Some(age) = facts.history.authorization_age.or(facts.history.refresh_token_age) else {
        let finding = Finding::new(
            Cause::AppInTestingMode,
            Certainty::Likely,
            format!(
                "The application is in testing, and {} ends its grants after {}.",
                facts.provider.name,
                period(lifetime)
            ),
        );
        return known.then_some(finding);
    };
    if !has_passed(age, lifetime) {
        return None;
    }
    let evidence = format!(
        "The consent is {} old; {} ends the grants of applications in testing after {}.",
        period(age),
        facts.provider.name,
        period(lifetime)
    );
    if known {
        return Some(Finding::new(Cause::AppInTestingMode, Certainty::Certain, evidence));
    }
    // Nobody told us, and the grant died right at the end of that time.
    (age < lifetime + lifetime / 7).then(|| {
        Finding::new(Cause::AppInTestingMode, Certainty::Likely, evidence)
            .or(&[Cause::UserRevoked, Cause::PasswordChanged])
    })
}

pub(super) fn the_authorization_is_too_old(facts: Facts<'_>) -> Option<Finding> {
    // The chain is at least as old as its newest token.
    let age = facts.history.authorization_age.max(facts.history.refresh_token_age)?;
    let announced = facts.history.announced_authorization_lifetime;
    let lifetime = life_of_the_authorization(facts)?;
    (facts.refresh_token_refused() && has_passed(age, lifetime)).then(|| {
        Finding::new(
            Cause::RefreshTokenExpiredAbsolute,
            Certainty::Likely,
            format!(
                "The consent is {} old, and {} an authorization lives {}.",
                period(age),
                source(facts, announced.is_some()),
                period(lifetime)
            ),
        )
        .or(&[Cause::UserRevoked])
    })
}

pub(super) fn the_token_was_idle_too_long(facts: Facts<'_>) -> Option<Finding> {
    let history = facts.history;
    let idle = history.idle.or(history.since_last_success).or(history.refresh_token_age)?;
    let announced = facts.history.announced_refresh_lifetime;
    let lifetime = life_unused(facts)?;
    // A backup does not know of later uses.
    let told = facts.refresh_token_refused() && history.store_restored != Some(true);
    (told && has_passed(idle, lifetime)).then(|| {
        Finding::new(
            Cause::RefreshTokenExpiredIdle,
            Certainty::Likely,
            format!(
                "The refresh token was not used for {}, and {} an unused one lives {}.",
                period(idle),
                source(facts, announced.is_some()),
                period(lifetime)
            ),
        )
        .or(&[Cause::UserRevoked])
    })
}

/// The lives that have run out, or may have, by our records.
pub(super) fn what_is_over(facts: Facts<'_>) -> impl Iterator<Item = Cause> {
    let history = facts.history;
    let is_over = |age: Option<Duration>, lifetime: Option<Duration>| {
        age.zip(lifetime).is_some_and(|(age, lifetime)| has_passed(age, lifetime))
    };
    // At the most: since the last use that is certain.
    let unused = history.since_last_success.or(history.idle);
    let idle = is_over(unused, life_unused(facts));
    // Whether use prolongs what was announced for a token that stays the same, nobody was told.
    let announced = is_over(history.refresh_token_age, history.announced_refresh_lifetime) && !idle;
    let absolute = is_over(history.authorization_age, life_of_the_authorization(facts)) || announced;
    let absolute = absolute.then_some(Cause::RefreshTokenExpiredAbsolute);
    absolute.into_iter().chain(idle.then_some(Cause::RefreshTokenExpiredIdle))
}

/// Whether our records say that the refresh token was used in time.
pub(super) fn the_token_was_used_in_time(facts: Facts<'_>) -> bool {
    let used = facts.history.since_last_success.or(facts.history.idle).is_some();
    used && !what_is_over(facts).any(|cause| cause == Cause::RefreshTokenExpiredIdle)
}

/// "Expired" is what many servers say of a token that was replaced: one that is younger than they let it grow was not
/// too old (Box calls every second use so).
pub(super) fn the_end_came_too_early(facts: Facts<'_>) -> Option<Finding> {
    let lifetimes = &facts.provider.lifetimes;
    let age = facts.history.refresh_token_age?;
    let shortest = lifetimes.idle.into_iter().chain(lifetimes.absolute).min()?;
    let rotates = facts.provider.rotation.kind != RotationKind::Reusable;
    let contradiction = facts.refresh_token_refused()
        && rotates
        && facts.hearing.speaks_of_an_end()
        && age < shortest / 2
        && lifetimes.testing.is_none();
    contradiction.then(|| {
        Finding::new(
            Cause::RotatedTokenReused,
            Certainty::Possible,
            format!(
                "The text says that the token has expired, but it is {} old and lives {} at {}: more likely it was \
                 replaced by a newer one.",
                period(age),
                period(shortest),
                facts.provider.name
            ),
        )
        .or(&[Cause::LostRotationNotPersisted, Cause::ConcurrentRefreshRace, Cause::UserRevoked])
    })
}

/// The text says "expired" or "revoked", and no record of ours says more.
pub(super) fn the_provider_speaks_of_an_end(facts: Facts<'_>) -> Option<Finding> {
    if facts.failure.stage != Stage::RefreshToken || facts.failure.transport.is_some() {
        return None;
    }
    let lifetimes = &facts.provider.lifetimes;
    if facts.hearing.speaks_of_an_end() {
        let cause = if lifetimes.idle.is_some() && lifetimes.absolute.is_none() {
            Cause::RefreshTokenExpiredIdle
        } else {
            Cause::RefreshTokenExpiredAbsolute
        };
        return Some(Finding::new(
            cause,
            Certainty::Possible,
            "The provider says that the token has expired.",
        ));
    }
    facts.hearing.speaks_of_a_revocation().then(|| {
        Finding::new(
            Cause::UserRevoked,
            Certainty::Possible,
            "The provider says that the token was revoked, and not by whom.",
        )
        .or(&[
            Cause::AdminOrPolicyRevoked,
            Cause::PasswordChanged,
            Cause::RotatedTokenReused,
            Cause::LostRotationNotPersisted,
        ])
    })
}

fn source(facts: Facts<'_>, announced: bool) -> String {
    if announced {
        "by the provider's own announcement".to_owned()
    } else {
        format!("at {}", facts.provider.name)
    }
}
