//! A diagnosis for people.

use std::fmt::Write as _;

use evergrant::proto::diagnosis::{Action, Actor, Certainty, Diagnosis, Remedy};

use super::text::clean_line;

/// Cause, certainty, evidence, remedies in their order, and what else it could be; one indented line each.
pub(crate) fn describe(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing into a String cannot fail.
        writeln!(text, "  {name:<10} {}", clean_line(value)).unwrap_or_default();
    };
    line("cause", &format!("{} ({})", diagnosis.cause, certainty(diagnosis.certainty)));
    line("", diagnosis.cause.meaning());
    for (index, evidence) in diagnosis.evidence.iter().enumerate() {
        line(if index == 0 { "evidence" } else { "" }, evidence);
    }
    for (index, remedy) in diagnosis.remedies.iter().enumerate() {
        line(if index == 0 { "remedy" } else { "then" }, &describe_remedy(*remedy));
    }
    if !diagnosis.alternatives.is_empty() {
        let names: Vec<_> = diagnosis.alternatives.iter().map(|cause| cause.as_str()).collect();
        line("or else", &names.join(", "));
    }
    text
}

/// One word.
pub(crate) fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Possible => "possible",
        Certainty::Likely => "likely",
        Certainty::Certain => "certain",
    }
}

fn describe_remedy(remedy: Remedy) -> String {
    let what = match remedy.action {
        Action::RetryWithBackoff => "wait and try again, slower each time",
        Action::Reauthorize => "sign in again; the grant keeps its id",
        Action::FixCode => "change the program or deployment that sends the requests",
        Action::FixClientConfig => {
            "correct the client registration: identifier, secret, endpoint or redirect URI"
        }
        Action::FixClock => "set the clock",
        Action::ContactAdmin => "have the administrator allow it",
        Action::Other => "wait",
    };
    let who = match remedy.actor {
        Actor::Evergrant => "nobody has to act",
        Actor::User => "by the user",
        Actor::Operator => "by the operator",
        Actor::Administrator => "by the user's administrator",
        Actor::Provider => "by the provider",
    };
    format!("{what} ({who})")
}
