//! Failures of the library as failures of a command.

use evergrant::{
    AuthorizeError, ClientError, CompleteError,
    http::EgressError,
    proto::{engine::CallbackEnd, transaction::Conflict},
    store::{StoreError, sqlite::OpenStoreError},
};

use super::Failure;
use crate::{exit::Exit, location::InvalidLocation};

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let StoreError::Conflict(conflict) = &error else {
            return Self::of(Exit::StoreUnavailable, error.to_string());
        };
        match conflict {
            Conflict::NoSuchGrant
            | Conflict::NoSuchClient
            | Conflict::NoSuchAuthorization
            | Conflict::Revoked => Self::of(Exit::NotFound, error.to_string())
                .advise("see `evergrant grants list` and `evergrant clients list`"),
            Conflict::AlreadyHeld(grant) => Self::of(Exit::Other, error.to_string()).advise(format!(
                "use grant {grant}; two holders of one refresh token end each other's grants"
            )),
            Conflict::ClientChanged(_) => {
                Self::of(Exit::Other, error.to_string()).advise("run the command again")
            }
            _ => Self::of(Exit::Other, error.to_string()),
        }
    }
}

impl From<OpenStoreError> for Failure {
    fn from(error: OpenStoreError) -> Self {
        Self::of(Exit::StoreUnavailable, error.to_string())
    }
}

impl From<InvalidLocation> for Failure {
    fn from(error: InvalidLocation) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<EgressError> for Failure {
    fn from(error: EgressError) -> Self {
        Self::new("the settings of [egress] cannot be used", error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::Store(error) => error.into(),
            ClientError::NoTokenEndpoint => {
                Self::usage(message).advise("give --issuer URL, --provider ID or --token-endpoint URL")
            }
            ClientError::Endpoint(_) => Self::usage(message).advise("give it as --parameter NAME=VALUE"),
            ClientError::SecretMissing(_) => {
                Self::usage(message).advise("give --secret-file FILE or --secret-stdin")
            }
            ClientError::NoSuchProvider(id) => Self::no_such_provider(&id),
            ClientError::Discovery { .. } => Self::of(Exit::Other, message).advise(
                "check the issuer, or give the endpoints with --token-endpoint and --authorization-endpoint",
            ),
            ClientError::Exists(name) => Self::of(Exit::Other, format!("there is a client {name} already"))
                .advise(format!("change it with `evergrant clients update {name}`")),
        }
    }
}

impl From<AuthorizeError> for Failure {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::Store(error) => error.into(),
            error => Self::of(Exit::Other, error.to_string()),
        }
    }
}

impl From<CompleteError> for Failure {
    fn from(error: CompleteError) -> Self {
        Self::of(Exit::Other, error.to_string())
    }
}

impl Failure {
    /// An authorization that ended without a grant; `None` if it ended with one.
    pub(crate) fn without_grant(end: &CallbackEnd) -> Option<Self> {
        Some(match end {
            CallbackEnd::Connected { .. } => return None,
            CallbackEnd::WrongAccount(_) => Self::of(
                Exit::Other,
                "another account signed in than the one that the grant belongs to; nothing changed",
            )
            .advise("sign out at the provider and run the command again with the right account"),
            CallbackEnd::LinkUsed => Self::of(Exit::Other, "the link has been used or has expired")
                .advise("run the command again for a new one"),
            CallbackEnd::Denied { reason, diagnosis, .. } => {
                Self::of(Exit::Other, format!("the provider or the user refused: {reason}"))
                    .diagnosed(diagnosis.clone())
                    .advise("run the command again when it shall be allowed")
            }
            CallbackEnd::Failed { reason, diagnosis, .. } => {
                Self::of(Exit::Other, format!("the exchange of the code failed: {reason}"))
                    .diagnosed(diagnosis.clone())
                    .advise("remove what the cause names, then run the command again")
            }
            CallbackEnd::StoreUnavailable(reason) => {
                Self::of(Exit::StoreUnavailable, format!("the store is not available: {reason}"))
            }
        })
    }
}
