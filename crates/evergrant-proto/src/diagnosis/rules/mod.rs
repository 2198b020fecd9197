//! The rules of a diagnosis, in order: the first that finds something counts.
//!
//! What was seen outranks what was said. A body names few causes and often the wrong one, so within each group
//! the rules that look at our own records come before those that look at the provider's words.

mod client;
mod code;
mod expiry;
mod request;
mod reuse;
mod stated;
mod transient;

use std::time::Duration;

use super::{
    Action, Actor, Cause, Certainty, Diagnosis, History, MAX_ALTERNATIVES, Remedy, remedy::remedies,
};
use crate::{
    failure::{Consequence, Failure, Stage},
    provider::{Provider, ReplayRevokes},
    wire::{error_response::ErrorCode, untrusted_text::UntrustedText},
};

/// What a rule looks at.
#[derive(Clone, Copy)]
struct Facts<'a> {
    failure: &'a Failure,
    history: &'a History,
    provider: &'a Provider,
}

/// What a rule found.
struct Finding {
    cause: Cause,
    certainty: Certainty,
    evidence: Vec<String>,
    alternatives: Vec<Cause>,
}

type Rule = fn(Facts<'_>) -> Option<Finding>;

const RULES: &[Rule] = &[
    transient::nothing_was_sent,
    transient::no_answer_came,
    transient::the_user_has_not_decided,
    transient::too_many_requests,
    transient::the_provider_is_down,
    transient::something_else_answered,
    reuse::the_provider_reports_reuse_after_an_unknown_outcome,
    reuse::the_provider_reports_reuse,
    stated::the_catalogue_knows_for_sure,
    stated::the_clocks_differ,
    client::another_client_got_the_grant,
    reuse::an_earlier_outcome_is_unknown,
    reuse::the_newest_token_was_not_stored,
    reuse::refreshes_overlapped,
    reuse::an_older_token_was_sent,
    code::our_records_tell,
    client::an_organization_refuses,
    client::registration_is_rejected,
    expiry::the_application_is_in_testing,
    expiry::the_authorization_is_too_old,
    expiry::the_token_was_idle_too_long,
    stated::the_catalogue_supposes,
    stated::the_code_tells,
    request::no_refresh_token_is_held,
    request::the_request_is_wrong,
    code::the_code_is_refused,
];

/// Finds the cause of a failure.
///
/// A refusal after an unknown outcome is `lost_rotation_not_persisted`, `likely`, with revocation among the
/// alternatives; `certain` only if the provider itself reports that the token was used before. Where nothing
/// decides, the answer is `undetermined` with the likeliest candidates.
pub fn diagnose(failure: &Failure, history: &History, provider: &Provider) -> Diagnosis {
    let facts = Facts { failure, history, provider };
    let finding = RULES.iter().find_map(|rule| rule(facts)).unwrap_or_else(|| undetermined(facts));
    conclude(facts, finding)
}

impl<'a> Facts<'a> {
    fn code(self) -> Option<&'a ErrorCode> {
        self.failure.error.as_ref().and_then(|error| error.code.as_ref())
    }

    fn description(self) -> String {
        let description = self.failure.error.as_ref().and_then(|error| error.description.as_ref());
        description.map(UntrustedText::as_str).unwrap_or_default().to_lowercase()
    }

    fn description_has(self, parts: &[&str]) -> bool {
        let description = self.description();
        parts.iter().any(|part| description.contains(part))
    }

    /// The provider refused the refresh token itself.
    fn refresh_token_refused(self) -> bool {
        self.failure.stage == Stage::RefreshToken && self.failure.consequence == Consequence::Terminal
    }

    /// What the provider said, as evidence.
    fn said(self) -> String {
        match self.failure.error.as_ref().and_then(|error| error.description.as_ref()) {
            Some(description) if !description.as_str().is_empty() => {
                format!("{}: \"{description}\".", sentence(&self.failure.summary))
            }
            _ => format!("{}.", sentence(&self.failure.summary)),
        }
    }
}

impl Finding {
    fn new(cause: Cause, certainty: Certainty, evidence: impl Into<String>) -> Self {
        Self { cause, certainty, evidence: vec![evidence.into()], alternatives: vec![] }
    }

    fn or(mut self, alternatives: &[Cause]) -> Self {
        self.alternatives = alternatives.to_vec();
        self
    }

    fn because(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }
}

fn undetermined(facts: Facts<'_>) -> Finding {
    let candidates: &[Cause] = match (facts.failure.stage, facts.failure.consequence) {
        (Stage::RefreshToken, Consequence::Terminal) if facts.provider.lifetimes.live_tokens.is_some() => {
            &[Cause::UserRevoked, Cause::TokenLimitExceeded, Cause::AdminOrPolicyRevoked]
        }
        // Somebody else who holds the grant ends it with the next replay, and the provider need not say so.
        (Stage::RefreshToken, Consequence::Terminal) if a_replay_ends_the_grant(facts.provider) => {
            &[Cause::UserRevoked, Cause::RotatedTokenReused, Cause::AdminOrPolicyRevoked]
        }
        (Stage::RefreshToken, Consequence::Terminal) => {
            &[Cause::UserRevoked, Cause::AdminOrPolicyRevoked, Cause::PasswordChanged]
        }
        (_, Consequence::SuspendClient) => &[Cause::WrongClientCredentials, Cause::ClientDisabledOrDeleted],
        (_, Consequence::RefuseRequest) => &[Cause::MalformedRequest, Cause::WrongTokenEndpointOrTenant],
        _ => &[Cause::ProviderOutage, Cause::UnknownBug],
    };
    Finding::new(
        Cause::Undetermined,
        Certainty::Possible,
        "Nothing that was recorded decides between the candidates.",
    )
    .or(candidates)
}

fn a_replay_ends_the_grant(provider: &Provider) -> bool {
    matches!(provider.rotation.revokes, ReplayRevokes::Grant | ReplayRevokes::ClientSession)
}

fn conclude(facts: Facts<'_>, finding: Finding) -> Diagnosis {
    let Finding { cause, certainty, mut evidence, mut alternatives } = finding;
    evidence.insert(0, facts.said());
    let recurring = recurrence(facts.history, cause);
    let mut remedies = remedies_of(facts, cause);
    if let Some(sentence) = recurring {
        evidence.push(sentence);
        never_only_sign_in_again(&mut remedies);
    }
    alternatives.retain(|alternative| *alternative != cause);
    alternatives.truncate(MAX_ALTERNATIVES);
    let undetermined = cause == Cause::Undetermined;
    Diagnosis {
        cause,
        certainty,
        culprit: if undetermined { facts.failure.culprit } else { cause.culprit() },
        permanent: match facts.failure.consequence {
            Consequence::Terminal | Consequence::RefuseRequest => true,
            Consequence::SuspendClient => undetermined || cause.is_permanent(),
            _ => false,
        },
        retry: matches!(
            facts.failure.consequence,
            Consequence::Retry
                | Consequence::ResolveUnknown
                | Consequence::AnswerNonce
                | Consequence::KeepPolling
                | Consequence::KeepPollingSlower
        ),
        remedies,
        evidence,
        alternatives,
    }
}

fn remedies_of(facts: Facts<'_>, cause: Cause) -> Vec<Remedy> {
    let undetermined = |action, actor| vec![Remedy { action, actor }];
    match (cause, facts.failure.consequence) {
        (Cause::Undetermined, Consequence::Terminal) => undetermined(Action::Reauthorize, Actor::User),
        (Cause::Undetermined, Consequence::SuspendClient) => {
            undetermined(Action::FixClientConfig, Actor::Operator)
        }
        (Cause::Undetermined, Consequence::RefuseRequest) => undetermined(Action::FixCode, Actor::Operator),
        _ => remedies(cause),
    }
}

/// Says so if this grant has died of the same cause before.
fn recurrence(history: &History, cause: Cause) -> Option<String> {
    let deaths: Vec<Duration> = history
        .past_deaths
        .iter()
        .filter(|death| death.cause == cause)
        .map(|death| death.after_consent)
        .collect();
    let (shortest, longest) = (deaths.iter().min()?, deaths.iter().max()?);
    let number = deaths.len() + 1;
    // Within a tenth of each other: the same period every time.
    Some(if longest.saturating_sub(*shortest) <= *longest / 10 && number > 2 {
        format!(
            "This grant ended this way {number} times, always about {} after the consent.",
            period(*longest)
        )
    } else {
        format!("This grant ended this way {number} times.")
    })
}

/// What keeps coming back is not cured by signing in again.
fn never_only_sign_in_again(remedies: &mut Vec<Remedy>) {
    if remedies.first().is_some_and(|remedy| remedy.action == Action::Reauthorize) {
        remedies.retain(|remedy| remedy.action != Action::FixCode);
        remedies.insert(0, Remedy { action: Action::FixCode, actor: Actor::Operator });
    }
}

/// A duration for people.
fn period(duration: Duration) -> String {
    let (count, unit) = match duration.as_secs() {
        seconds @ 0..120 => (seconds, "second"),
        seconds @ 120..7200 => (seconds / 60, "minute"),
        seconds @ 7200..172_800 => (seconds / 3600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn sentence(text: &str) -> String {
    let mut characters = text.trim_end_matches('.').chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
