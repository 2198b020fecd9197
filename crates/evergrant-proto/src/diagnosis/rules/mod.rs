//! The rules of a diagnosis, in order: the first that finds something counts.
//!
//! What was seen outranks what was said. A body names few causes and often the wrong one, so within each group
//! the rules that look at our own records come before those that look at the provider's words.

mod api;
mod candidates;
mod client;
mod code;
mod edge;
mod entra;
mod expiry;
mod meta;
mod request;
mod reuse;
mod stated;
mod transient;
mod user;
mod wording;

use std::time::Duration;

use super::{
    Action, Actor, Cause, Certainty, Diagnosis, History, MAX_ALTERNATIVES, Remedy,
    remedy::remedies,
    wording::{Hearing, Words},
};
use crate::{
    failure::{Consequence, Failure, Stage},
    provider::Provider,
    wire::{error_response::ErrorCode, untrusted_text::UntrustedText},
};

/// What a rule looks at.
#[derive(Clone, Copy)]
struct Facts<'a> {
    failure: &'a Failure,
    history: &'a History,
    provider: &'a Provider,
    /// The provider's description in lower case.
    text: &'a str,
    /// What its words and its own codes say.
    hearing: Hearing,
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
    reuse::a_race_shook_the_server,
    transient::the_provider_is_down,
    edge::the_guard_before_it_tells,
    request::nothing_could_refresh_it,
    code::our_records_tell,
    reuse::the_provider_reports_reuse_after_an_unknown_outcome,
    reuse::the_provider_reports_reuse,
    stated::the_catalogue_knows_for_sure,
    entra::the_number_tells,
    entra::the_number_of_b2c_tells,
    meta::the_number_tells,
    stated::the_clocks_differ,
    stated::the_clock_made_the_assertion,
    client::another_client_got_the_grant,
    client::an_organization_refuses,
    request::nothing_is_at_this_address,
    wording::the_words_are_plain,
    user::name_or_password_is_wrong,
    reuse::an_earlier_outcome_is_unknown,
    reuse::the_newest_token_was_not_stored,
    reuse::refreshes_overlapped,
    reuse::an_older_token_was_sent,
    client::registration_is_rejected,
    expiry::the_application_is_in_testing,
    expiry::the_authorization_is_too_old,
    expiry::the_token_was_idle_too_long,
    reuse::a_backup_brought_it_back,
    reuse::an_overtaken_request_may_have_arrived,
    expiry::the_end_came_too_early,
    stated::the_catalogue_supposes,
    api::more_claims_are_wanted,
    api::a_live_token_is_refused,
    wording::the_words_hint_at_it,
    client::every_grant_fails,
    reuse::several_processes_refresh,
    expiry::the_provider_speaks_of_an_end,
    stated::the_code_tells,
    request::no_refresh_token_is_held,
    code::the_request_with_it_is_called_invalid,
    request::the_request_is_wrong,
    client::the_status_speaks_of_the_client,
    api::the_token_is_refused,
    transient::something_else_answered,
];

/// Finds the cause of a failure.
///
/// A refusal after an unknown outcome is `lost_rotation_not_persisted`, `likely`, with revocation among the
/// alternatives, unless the provider by its policy takes such a token once more; `certain` only if the provider itself
/// reports that the token was used before. Where nothing decides, the answer is `undetermined` with the likeliest
/// candidates.
pub fn diagnose(failure: &Failure, history: &History, provider: &Provider) -> Diagnosis {
    let text = text_of(failure);
    let hearing = Hearing { stage: failure.stage, words: words_of(failure) };
    let facts = Facts { failure, history, provider, text: &text, hearing };
    let finding = RULES.iter().find_map(|rule| rule(facts)).unwrap_or_else(|| undetermined(facts));
    conclude(facts, finding)
}

impl<'a> Facts<'a> {
    fn code(self) -> Option<&'a ErrorCode> {
        self.failure.error.as_ref().and_then(|error| error.code.as_ref())
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

/// The description; where a sentence stands in the place of the code, that.
fn text_of(failure: &Failure) -> String {
    let description = failure.error.as_ref().and_then(|error| error.description.as_ref());
    description.map(|description| description.as_str().to_lowercase()).unwrap_or_default()
}

/// What the text says, and the codes that the provider made up: a registered code means what its standard says.
fn words_of(failure: &Failure) -> Words {
    let Some(error) = &failure.error else { return Words::default() };
    let own = match &error.code {
        Some(ErrorCode::Other(code)) => Some(code.as_str()),
        _ => None,
    };
    let description = error.description.as_ref().map(UntrustedText::as_str);
    Words::heard(description.into_iter().chain(own).chain(error.subtype.as_deref()))
}

fn undetermined(facts: Facts<'_>) -> Finding {
    Finding::new(
        Cause::Undetermined,
        Certainty::Possible,
        "Nothing that was recorded decides between the candidates.",
    )
    .or(&candidates::candidates(facts))
}

fn conclude(facts: Facts<'_>, finding: Finding) -> Diagnosis {
    let Finding { cause, certainty, mut evidence, mut alternatives } = finding;
    evidence.insert(0, facts.said());
    if certainty != Certainty::Certain {
        let other = cause != Cause::LostRotationNotPersisted;
        evidence.extend(reuse::a_lost_answer_is_not_why(facts).filter(|_| other).map(str::to_owned));
        evidence.extend(others(facts));
    }
    let mut remedies = remedies_of(facts, cause);
    if let Some(Recurrence { sentence, regular }) = recurrence(facts.history, cause) {
        evidence.push(sentence);
        // What a user decides again and again is no defect, unless a clock decides.
        if regular || !matches!(cause, Cause::UserRevoked | Cause::PasswordChanged | Cause::Undetermined) {
            never_only_sign_in_again(&mut remedies);
        }
    }
    // A provider that is sure that approval is missing does not say whether too much was asked for.
    if certainty != Certainty::Certain || cause == Cause::ConsentRequired {
        alternatives.extend(candidates::neighbours(cause));
    }
    let alternatives = first_of_each(alternatives, cause);
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

/// Each once, without the cause itself, and no more than are shown.
fn first_of_each(alternatives: Vec<Cause>, cause: Cause) -> Vec<Cause> {
    let mut kept = Vec::with_capacity(MAX_ALTERNATIVES);
    for alternative in alternatives {
        if alternative != cause && !kept.contains(&alternative) && kept.len() < MAX_ALTERNATIVES {
            kept.push(alternative);
        }
    }
    kept
}

fn remedies_of(facts: Facts<'_>, cause: Cause) -> Vec<Remedy> {
    let undetermined = |action, actor| vec![Remedy { action, actor }];
    match (cause, facts.failure.consequence) {
        // Before all of its users are asked to sign in, somebody should look at the registration.
        (Cause::Undetermined, Consequence::Terminal) if client::many_were_seen_to_fail(facts) => vec![
            Remedy { action: Action::FixClientConfig, actor: Actor::Operator },
            Remedy { action: Action::Reauthorize, actor: Actor::User },
        ],
        (Cause::Undetermined, Consequence::Terminal) => undetermined(Action::Reauthorize, Actor::User),
        (Cause::Undetermined, Consequence::SuspendClient) => {
            undetermined(Action::FixClientConfig, Actor::Operator)
        }
        (Cause::Undetermined, Consequence::RefuseRequest) => undetermined(Action::FixCode, Actor::Operator),
        _ => remedies(cause),
    }
}

/// What the client's other grants show, as evidence.
fn others(facts: Facts<'_>) -> Option<String> {
    let seen = facts.history.neighbours?;
    let within = period(seen.within.max(Duration::from_secs(1)));
    let many = |count| match count {
        1 => "One other grant of this client was".to_owned(),
        count => format!("{count} other grants of this client were"),
    };
    Some(match (seen.refused, seen.refreshed) {
        (0, 0) => return None,
        (0, refreshed) => {
            format!("{} refreshed within the last {within}: its registration works.", many(refreshed))
        }
        (refused, 0) => {
            format!("{} refused within the last {within}, and none refreshed since.", many(refused))
        }
        (refused, refreshed) => {
            format!("{} refused within the last {within}, and {refreshed} refreshed since.", many(refused))
        }
    })
}

/// A death that has a history.
struct Recurrence {
    sentence: String,
    /// Whether it came after the same time, every time.
    regular: bool,
}

/// Says so if this grant has died of the same cause before.
fn recurrence(history: &History, cause: Cause) -> Option<Recurrence> {
    let deaths: Vec<Duration> = history
        .past_deaths
        .iter()
        .filter(|death| death.cause == cause)
        .map(|death| death.after_consent)
        .collect();
    let (shortest, longest) = (deaths.iter().min()?, deaths.iter().max()?);
    let number = deaths.len() + 1;
    // Within a tenth of each other: the same period every time.
    let regular = longest.saturating_sub(*shortest) <= *longest / 10 && number > 2;
    let sentence = if regular {
        format!(
            "This grant ended this way {number} times, always about {} after the consent.",
            period(*longest)
        )
    } else {
        format!("This grant ended this way {number} times.")
    };
    Some(Recurrence { sentence, regular })
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
