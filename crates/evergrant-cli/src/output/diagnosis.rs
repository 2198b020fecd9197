//! A diagnosis for people.

use std::fmt::Write as _;

use evergrant::proto::{
    diagnosis::{Action, Actor, Certainty, Diagnosis, Remedy},
    remedy_rates::{Rate, Rates},
};
use evergrant_explain::explanation::checks;
use serde_json::{Value, json};

use super::text::clean_line;

/// For programs: with its words, its page, and how often its remedies worked here.
pub(crate) fn view(diagnosis: &Diagnosis, rates: &Rates) -> Value {
    let measured = rates.of_remedies(diagnosis).into_iter();
    let mut shown = json!(diagnosis);
    shown["meaning"] = json!(diagnosis.cause.meaning());
    shown["page"] = json!(format!("/problems/{}", diagnosis.cause));
    shown["checks"] = json!(checks(diagnosis));
    shown["measured"] = measured.map(|(action, rate)| measured_view(action, rate)).collect();
    shown
}

/// How often one remedy worked here, for programs.
pub(crate) fn measured_view(action: Action, Rate { worked, tried }: Rate) -> Value {
    json!({ "action": action, "worked": worked, "tried": tried })
}

/// The same for people.
pub(crate) fn measured_words(action: Action, Rate { worked, tried }: Rate) -> String {
    let what = match action {
        Action::Reauthorize => "signing in again",
        Action::RetryWithBackoff => "trying again",
        Action::FixClientConfig => "correcting the client",
        _ => "this",
    };
    format!("{what} worked {worked} of {tried} times")
}

/// What is said where no rate is known.
pub(crate) const NOTHING_MEASURED: &str = "no remedy was taken yet whose end is known";

/// Cause, certainty, evidence, remedies in their order with how often they worked here, and what else it could be with what
/// would tell it; one indented line each.
pub(crate) fn describe(diagnosis: &Diagnosis, rates: &Rates) -> String {
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
    let measured: Vec<_> =
        rates.of_remedies(diagnosis).into_iter().map(|(action, rate)| measured_words(action, rate)).collect();
    line("here", if measured.is_empty() { NOTHING_MEASURED } else { &measured[0] });
    for words in measured.iter().skip(1) {
        line("", words);
    }
    let others = checks(diagnosis).into_iter().filter(|check| check.cause != diagnosis.cause);
    for (index, other) in others.enumerate() {
        let name = if index == 0 { "or else" } else { "" };
        line(name, &format!("{}: {}", other.cause, other.check));
    }
    line("more", &format!("evergrant explain --cause {}", diagnosis.cause));
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
