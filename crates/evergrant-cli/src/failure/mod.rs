//! Why a command failed, and what to do next.

mod from;

use std::{
    fmt::{self, Write as _},
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use evergrant::{
    Keeper, TokenError,
    proto::{
        diagnosis::Diagnosis,
        engine::Refusal,
        grant::GrantRecord,
        name::{ClientName, GrantId},
        remedy_rates::Rates,
    },
};
use evergrant_server::Reason;
use serde_json::json;

use crate::{
    cli::Format,
    exit::Exit,
    output::{
        diagnosis,
        style::{self, Tone},
        text::clean,
    },
};

/// A failure: what happened, what is known of it, and the next step. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    exit: Exit,
    reason: Option<Reason>,
    message: String,
    advice: Option<String>,
    diagnosis: Option<Box<Diagnosis>>,
    /// How often remedies worked here.
    rates: Box<Rates>,
    retry_after: Option<Duration>,
}

impl Failure {
    /// An error of no special kind.
    pub(crate) fn new(what: &str, why: impl fmt::Display) -> Self {
        Self::of(Exit::Other, format!("{what}: {why}"))
    }

    /// An error of a kind that the exit code names.
    pub(crate) fn of(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            reason: None,
            message: message.into(),
            advice: None,
            diagnosis: None,
            rates: Box::default(),
            retry_after: None,
        }
    }

    /// What is wrong was printed as the result: nothing but the exit code is left to be said.
    pub(crate) fn told(exit: Exit) -> Self {
        Self::of(exit, "")
    }

    /// The command line is wrong in a way that its parser cannot see.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::of(Exit::Usage, message)
    }

    /// The person wants to stop.
    pub(crate) fn interrupted() -> Self {
        Self::of(Exit::Interrupted, "interrupted")
    }

    pub(crate) fn no_such_grant(id: GrantId) -> Self {
        Self::of(Exit::NotFound, format!("there is no grant {id} in this namespace"))
            .named(Reason::NoSuchGrant)
            .advise("see `evergrant grants list`")
    }

    pub(crate) fn no_such_client(name: &ClientName) -> Self {
        Self::of(Exit::NotFound, format!("there is no client {name} in this namespace"))
            .named(Reason::NoSuchClient)
            .advise("see `evergrant clients list`, or add it with `evergrant clients add`")
    }

    pub(crate) fn no_such_provider(id: &str) -> Self {
        Self::of(Exit::NotFound, format!("the catalogue has no provider {id:?}"))
            .named(Reason::NoSuchProvider)
            .advise("see `evergrant providers list`, or write one: docs/catalogue.md")
    }

    /// Why there is no access token of this grant.
    pub(crate) fn without_token(error: &TokenError, grant: &GrantRecord) -> Self {
        let Some(refusal) = error.refusal() else { return Self::of(Exit::Other, error.to_string()) };
        let connect = format!("run `evergrant connect {} --grant {}`", grant.client, grant.id);
        let (exit, reason) = classified(refusal);
        let mut failure = Self::of(exit, refusal.to_string());
        failure.reason = Some(reason);
        failure.diagnosis = error.diagnosis().cloned().map(Box::new);
        failure.retry_after = retry_after(refusal);
        failure.advice = match refusal {
            Refusal::NeedsReauthorization(_) | Refusal::NotRefreshable => Some(connect),
            Refusal::Revoked => Some(format!("{connect} to connect it again")),
            Refusal::NoSuchGrant => Some("see `evergrant grants list`".to_owned()),
            Refusal::ClientRejected { .. } => Some(format!(
                "correct it with `evergrant clients update {}`; its grants resume by themselves",
                grant.client
            )),
            Refusal::RequestRefused(_) => {
                Some(format!("see what is asked for with `evergrant clients show {}`", grant.client))
            }
            Refusal::InProgress { .. }
            | Refusal::OutcomeUnknown { .. }
            | Refusal::ProviderUnavailable { .. } => {
                failure.retry_after.map(|after| format!("try again in {} s", after.as_secs().max(1)))
            }
            Refusal::Quarantined => {
                Some("if this copy shall hold the grants from now on: `evergrant store adopt`".to_owned())
            }
            Refusal::StoreUnavailable(_) => None,
        };
        failure
    }

    /// What to do next.
    #[must_use]
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The name that the server gives to the reason.
    #[must_use]
    fn named(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// What is held to be the cause.
    #[must_use]
    pub(crate) fn diagnosed(mut self, diagnosis: Option<Box<Diagnosis>>) -> Self {
        self.diagnosis = diagnosis;
        self
    }

    /// The same with how often its remedies worked here, if it has any.
    pub(crate) async fn measured(self, keeper: &Keeper) -> Self {
        match &self.diagnosis {
            Some(_) => Self { rates: Box::new(keeper.recent_remedy_rates().await), ..self },
            None => self,
        }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// What to do next, if anybody knows.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// Tells the person, or the program, and gives the exit code.
    pub(crate) fn report(&self, format: Format) -> ExitCode {
        if self.message.is_empty() {
            return self.exit.into();
        }
        let text = match format {
            Format::Text => self.for_people(),
            Format::Json => self.for_programs(),
        };
        // Nobody may be reading, and the exit code says the rest.
        let _ = io::stderr().lock().write_all(text.as_bytes());
        self.exit.into()
    }

    fn for_people(&self) -> String {
        let style = style::of_stderr();
        let mut text = format!("{} {}\n", style.paint(Tone::Bad, "error:"), clean(&self.message));
        if let Some(known) = &self.diagnosis {
            text.push_str(&diagnosis::describe(known, &self.rates));
        }
        if let Some(advice) = &self.advice {
            // Writing into a String cannot fail.
            writeln!(text, "{} {}", style.paint(Tone::Heading, "next:"), clean(advice)).unwrap_or_default();
        }
        text
    }

    /// A problem as of RFC 9457, on one line; its type is the one that the server gives.
    fn for_programs(&self) -> String {
        let reason = self.reason.or(self.exit.reason());
        let diagnosis = self.diagnosis.as_ref().map(|known| diagnosis::view(known, &self.rates));
        let problem = json!({
            "type": reason.map_or("about:blank".to_owned(), |reason| format!("/problems/{}", reason.as_str())),
            "title": reason.map_or("The command failed", Reason::title),
            "detail": self.message,
            "exit": self.exit.name(),
            "exit_code": self.exit.code(),
            "next": self.advice,
            "retry_after": self.retry_after.map(|after| after.as_secs().max(1)),
            "diagnosis": diagnosis,
        });
        format!("{problem}\n")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// What a script sees of a refusal: the exit code, and the server's own name of the reason.
fn classified(refusal: &Refusal) -> (Exit, Reason) {
    match refusal {
        Refusal::NoSuchGrant => (Exit::NotFound, Reason::NoSuchGrant),
        Refusal::Revoked => (Exit::NotFound, Reason::Revoked),
        Refusal::NeedsReauthorization(_) => (Exit::NeedsReauthorization, Reason::NeedsReauthorization),
        Refusal::NotRefreshable => (Exit::NeedsReauthorization, Reason::NotRefreshable),
        Refusal::RequestRefused(_) => (Exit::RequestRefused, Reason::RequestRefused),
        Refusal::ClientRejected { .. } => (Exit::ClientRejected, Reason::ClientRejected),
        Refusal::InProgress { .. } => (Exit::RetryLater, Reason::InProgress),
        Refusal::OutcomeUnknown { .. } => (Exit::RetryLater, Reason::OutcomeUnknown),
        Refusal::ProviderUnavailable { .. } => (Exit::RetryLater, Reason::ProviderUnavailable),
        Refusal::StoreUnavailable(_) => (Exit::StoreUnavailable, Reason::StoreUnavailable),
        Refusal::Quarantined => (Exit::StoreUnavailable, Reason::StoreQuarantined),
    }
}

fn retry_after(refusal: &Refusal) -> Option<Duration> {
    match refusal {
        Refusal::ClientRejected { retry_after, .. }
        | Refusal::InProgress { retry_after }
        | Refusal::OutcomeUnknown { retry_after, .. }
        | Refusal::ProviderUnavailable { retry_after, .. } => Some(*retry_after),
        _ => None,
    }
}
