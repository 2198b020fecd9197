//! What a failure comes down to: the cause, why it is held to be that, whether waiting can help, and what to do.

mod checks;
mod permanence;
mod provider;
mod sentence;
mod terminal;

use std::sync::LazyLock;

use evergrant_proto::{
    diagnosis::{Action, Actor, Cause, Certainty, Diagnosis, diagnose},
    failure::{Exchange, Failure, Report, Stage, Verdict, classify, reported},
    provider::{Catalogue, Provider},
    time::Timestamp,
    wire::untrusted_text::UntrustedText,
};
use serde::Serialize;

pub use self::{checks::checks, provider::Recognized};
use crate::{problems, reading::Case};

/// Most candidates that are named, the cause among them.
pub const MAX_CANDIDATES: usize = 5;

/// A failure, explained. Holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What the reporter calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The cause; `undetermined` if what is known does not decide.
    pub cause: Cause,
    /// How sure that is.
    pub certainty: Certainty,
    /// Whether the very same request can never succeed; `None` if that depends on which candidate it is.
    pub permanent: Option<bool>,
    /// The first thing to do.
    pub remedy: Action,
    /// The cause, then what else it could be, the likeliest first; only the candidates of an undetermined one.
    pub candidates: Vec<Cause>,
    /// Who provides it, by the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Recognized>,
    /// What was asked, by the report or by its look.
    pub stage: Stage,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Plain sentences.
    pub evidence: Vec<String>,
    /// What helps, the first step first.
    pub steps: Vec<Step>,
    /// What people try and what does not help.
    pub never_helps: Vec<String>,
    /// What tells the candidates apart.
    pub checks: Vec<Check>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What kind of thing.
    pub action: Action,
    /// Who must do it.
    pub actor: Actor,
    /// The step in words.
    pub what: String,
}

/// How to find out whether it is this cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The candidate.
    pub cause: Cause,
    /// What to look at.
    pub check: &'static str,
}

impl Explanation {
    /// The explanation in the vocabulary that records of failures are labelled with: the two causes that we tell
    /// apart besides are named by the wider one, and stand right after it.
    #[must_use]
    pub fn in_common_terms(mut self) -> Self {
        let wider = match self.cause {
            Cause::AppDisabledByOrganization | Cause::SuspiciousActivity => Cause::AdminOrPolicyRevoked,
            _ => return self,
        };
        self.candidates.retain(|cause| *cause != wider);
        self.candidates.insert(0, wider);
        self.candidates.truncate(MAX_CANDIDATES);
        self.cause = wider;
        self
    }
}

/// Explains a failure.
pub fn explain(case: &Case, catalogue: &Catalogue) -> Explanation {
    let recognized = provider::recognize(case, catalogue);
    let provider = recognized.as_ref().and_then(|known| catalogue.provider(&known.id)).unwrap_or(&GENERIC);
    let stage = case.stage.unwrap_or(Stage::RefreshToken);
    let failure = failure(case, stage, provider);
    let ruled = diagnose(&failure, &case.history, provider);
    let named = recognized.as_ref().filter(|_| case.provider.is_some()).map(|known| known.id.as_str());
    let reread = sentence::reread(case, named, &ruled);
    conclude(case, stage, recognized, &failure, reread.unwrap_or(ruled))
}

static GENERIC: LazyLock<Provider> = LazyLock::new(Provider::generic);

fn failure(case: &Case, stage: Stage, provider: &Provider) -> Failure {
    if let Some(transport) = &case.transport {
        let exchange = Exchange {
            stage,
            result: Err(transport),
            dialect: &provider.dialect,
            now: Timestamp(0),
            secrets: &[],
        };
        if let Verdict::Failure(failure) = classify(&exchange) {
            return failure;
        }
    }
    let status = if case.brought_tokens { case.status.or(Some(200)) } else { case.status };
    reported(&Report {
        stage,
        status,
        headers: &case.headers,
        error: case.error.as_ref(),
        dialect: &provider.dialect,
    })
}

fn conclude(
    report: &Case,
    stage: Stage,
    provider: Option<Recognized>,
    failure: &Failure,
    diagnosis: Diagnosis,
) -> Explanation {
    let cause = diagnosis.cause;
    let undetermined = cause == Cause::Undetermined;
    let first = Some(cause).filter(|_| !undetermined);
    let candidates: Vec<Cause> =
        first.into_iter().chain(diagnosis.alternatives.iter().copied()).take(MAX_CANDIDATES).collect();
    let steps = steps(&diagnosis);
    let recognized =
        provider.as_ref().and_then(|known| Some(format!("It is {}: {}.", known.name, known.because?)));
    let evidence = recognized.into_iter().chain(diagnosis.evidence).collect();
    Explanation {
        // Somebody else's name for it, and it goes to a terminal.
        id: report.id.as_deref().map(|id| UntrustedText::new(id).as_str().to_owned()),
        cause,
        certainty: diagnosis.certainty,
        permanent: permanence::of(cause, &candidates, failure),
        // Nobody is sent to sign in again before it is known that this would help.
        remedy: if undetermined {
            Action::Other
        } else {
            steps.first().map_or(Action::Other, |step| step.action)
        },
        checks: candidates.iter().map(|cause| Check { cause: *cause, check: checks::of(*cause) }).collect(),
        candidates,
        provider,
        stage,
        status: report.status,
        evidence,
        never_helps: never_helps(cause),
        steps,
    }
}

fn steps(diagnosis: &Diagnosis) -> Vec<Step> {
    let page = problems::find(diagnosis.cause.as_str());
    let mut steps: Vec<Step> = Vec::new();
    for remedy in &diagnosis.remedies {
        let advice =
            page.and_then(|page| page.workarounds.iter().find(|advice| advice.action == Some(remedy.action)));
        let what =
            advice.map_or_else(|| default_step(remedy.action).to_owned(), |advice| advice.what.clone());
        steps.push(Step { action: remedy.action, actor: remedy.actor, what });
    }
    steps
}

fn default_step(action: Action) -> &'static str {
    match action {
        Action::RetryWithBackoff => "Wait and try again, slower each time.",
        Action::Reauthorize => "Have the user sign in again.",
        Action::FixCode => "Change the program or the deployment that sends the requests.",
        Action::FixClientConfig => "Correct the registration: identifier, secret, endpoint or redirect URI.",
        Action::FixClock => "Set the clock.",
        Action::ContactAdmin => "Ask the administrator to allow it.",
        Action::Other => "Refresh, go on polling, or wait for the provider.",
    }
}

fn never_helps(cause: Cause) -> Vec<String> {
    let page = problems::find(cause.as_str());
    let dead_ends = page.into_iter().flat_map(|page| &page.dead_ends);
    dead_ends.map(|advice| plain(&format!("{} {}", advice.what, advice.why))).take(3).collect()
}

/// The pages are Markdown; a sentence of one is shown without its marks.
fn plain(markdown: &str) -> String {
    markdown.replace(['`', '*'], "")
}

#[cfg(test)]
mod tests;
