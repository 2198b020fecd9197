//! What the library refuses, as problems.

use std::time::Duration;

use evergrant::{
    AuthorizeError, ClientError, TokenError,
    proto::{diagnosis::Diagnosis, engine::Refusal, transaction::Conflict},
    store::StoreError,
};

use super::{Problem, Reason};
use crate::WebhookError;

/// When to ask again while the store is away: locks and full disks are seldom gone sooner.
const STORE_RETRY: Duration = Duration::from_secs(5);

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(conflict) => conflict.into(),
            StoreError::Unavailable(unavailable) => store_unavailable(&unavailable.to_string()),
            StoreError::Ambiguous(unavailable) => store_unavailable(&format!(
                "It is not known whether this was written; read it before repeating it. {unavailable}"
            )),
        }
    }
}

impl From<Conflict> for Problem {
    fn from(conflict: Conflict) -> Self {
        let reason = match conflict {
            Conflict::NoSuchGrant => Reason::NoSuchGrant,
            Conflict::NoSuchClient => Reason::NoSuchClient,
            Conflict::NoSuchAuthorization => Reason::NoSuchAuthorization,
            Conflict::ClientChanged(_) => Reason::ChangedMeanwhile,
            Conflict::AlreadyHeld(_) => Reason::RefreshTokenHeld,
            Conflict::Revoked => Reason::Revoked,
            _ => Reason::Unprocessable,
        };
        let problem = Self::new(reason, sentence(&conflict.to_string()));
        match conflict {
            Conflict::AlreadyHeld(grant) => problem.about(grant),
            _ => problem,
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        let reason = match &error {
            ClientError::Discovery { .. } => Reason::DiscoveryFailed,
            ClientError::Exists(_) => Reason::ClientExists,
            ClientError::Store(error) => return error.clone().into(),
            _ => Reason::Unprocessable,
        };
        Self::new(reason, sentence(&error.to_string()))
    }
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let reason = match &error {
            WebhookError::Store(error) => return error.clone().into(),
            WebhookError::NoSuchWebhook(_) => Reason::NoSuchWebhook,
            WebhookError::NoSuchMessage(_) => Reason::NoSuchMessage,
            WebhookError::Disabled => Reason::WebhookDisabled,
            WebhookError::Invalid(_) | WebhookError::TooMany => Reason::Unprocessable,
        };
        Self::new(reason, sentence(&error.to_string()))
    }
}

impl From<AuthorizeError> for Problem {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::Store(error) => error.into(),
            error => Self::new(Reason::Unprocessable, sentence(&error.to_string())),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(refusal) => refused(*refusal),
            TokenError::NotRunning => Self::of(Reason::ShuttingDown).retry_after(Duration::from_secs(1)),
        }
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NoSuchGrant => Problem::of(Reason::NoSuchGrant),
        Refusal::Revoked => Problem::of(Reason::Revoked),
        Refusal::NotRefreshable => Problem::of(Reason::NotRefreshable),
        Refusal::NeedsReauthorization(diagnosis) => because(Reason::NeedsReauthorization, Some(diagnosis)),
        Refusal::RequestRefused(diagnosis) => because(Reason::RequestRefused, Some(diagnosis)),
        Refusal::ClientRejected { diagnosis, retry_after } => {
            because(Reason::ClientRejected, Some(diagnosis)).retry_after(retry_after)
        }
        Refusal::InProgress { retry_after } => Problem::of(Reason::InProgress).retry_after(retry_after),
        Refusal::OutcomeUnknown { diagnosis, retry_after } => {
            because(Reason::OutcomeUnknown, diagnosis).retry_after(retry_after)
        }
        Refusal::ProviderUnavailable { diagnosis, retry_after } => {
            because(Reason::ProviderUnavailable, diagnosis).retry_after(retry_after)
        }
        Refusal::StoreUnavailable(detail) => store_unavailable(&detail),
        Refusal::Quarantined => Problem::of(Reason::StoreQuarantined).retry_after(Duration::from_secs(60)),
    }
}

/// The cause in its own words, then what helps.
fn because(reason: Reason, diagnosis: Option<Box<Diagnosis>>) -> Problem {
    let problem = match &diagnosis {
        Some(diagnosis) => Problem::new(reason, diagnosis.cause.meaning()).adding(reason.meaning()),
        None => Problem::of(reason),
    };
    problem.diagnosed(diagnosis.map(|diagnosis| *diagnosis))
}

/// The system's own words name files of this machine: they go into the log, not to the caller.
fn store_unavailable(detail: &str) -> Problem {
    Problem::of(Reason::StoreUnavailable).retry_after(STORE_RETRY).troubled(detail)
}

/// An error as a sentence.
fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use evergrant::proto::name::GrantId;

    use super::*;

    #[test]
    fn each_refusal_has_its_status() {
        let wait = Duration::from_secs(7);
        let rows = [
            (Refusal::NoSuchGrant, 404),
            (Refusal::Revoked, 409),
            (Refusal::NotRefreshable, 409),
            (Refusal::InProgress { retry_after: wait }, 503),
            (Refusal::OutcomeUnknown { diagnosis: None, retry_after: wait }, 503),
            (Refusal::ProviderUnavailable { diagnosis: None, retry_after: wait }, 503),
            (Refusal::StoreUnavailable("/var/lib is full".into()), 503),
            (Refusal::Quarantined, 503),
        ];
        for (refusal, status) in rows {
            let problem = Problem::from(TokenError::Refused(Box::new(refusal.clone())));
            assert_eq!(problem.reason().status().as_u16(), status, "{refusal:?}");
            assert!(!problem.detail().contains("/var/lib"), "{problem:?}");
        }
    }

    #[test]
    fn a_conflict_names_the_grant_that_holds_the_token() {
        let problem = Problem::from(Conflict::AlreadyHeld(GrantId(7)));
        assert_eq!(problem.reason(), Reason::RefreshTokenHeld);
        assert!(problem.detail().starts_with("Grant g_"), "{}", problem.detail());
    }
}
