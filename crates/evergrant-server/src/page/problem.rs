//! What a problem means.

use askama::Template;
use evergrant::proto::{diagnosis::Cause, failure::Culprit};

use crate::problem::Reason;

#[derive(Debug, Template)]
#[template(path = "problem.html")]
pub(crate) struct ProblemPage {
    name: &'static str,
    title: String,
    meaning: &'static str,
    status: Option<u16>,
    culprit: Option<&'static str>,
    permanent: bool,
}

impl ProblemPage {
    pub(crate) fn of_reason(reason: Reason) -> Self {
        Self {
            name: reason.as_str(),
            title: reason.title().to_owned(),
            meaning: reason.meaning(),
            status: Some(reason.status().as_u16()),
            culprit: None,
            permanent: false,
        }
    }

    pub(crate) fn of_cause(cause: Cause) -> Self {
        let words = cause.as_str().replace('_', " ");
        let title = words[..1].to_uppercase() + &words[1..];
        Self {
            name: cause.as_str(),
            title,
            meaning: cause.meaning(),
            status: None,
            culprit: Some(culprit(cause.culprit())),
            permanent: cause.is_permanent(),
        }
    }
}

fn culprit(culprit: Culprit) -> &'static str {
    match culprit {
        Culprit::Network => "the network between here and the provider",
        Culprit::Provider => "the provider",
        Culprit::ClientRegistration => "the client registration at the provider",
        Culprit::Grant => "the user's consent, session or account",
        Culprit::Request => "what was asked for",
        Culprit::Local => "this installation",
    }
}
