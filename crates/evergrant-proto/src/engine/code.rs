//! What tokens are asked for with after a sign-in: the code that a browser brought, or the one that a device polls with.

use crate::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    diagnosis::History,
    failure::{Consequence, Failure, Stage},
    name::AttemptId,
    secret::{AuthorizationCode, DeviceCode},
    wire::{error_response::ErrorCode, http::HttpRequest, token_request::TokenEndpoint},
};

/// One poll for a device (RFC 8628 3.4). Any may bring the tokens, so each is made as the exchange of a code is.
#[derive(Debug, Clone, PartialEq)]
pub struct DevicePoll {
    /// What is authorized.
    pub record: AuthorizationRecord,
    /// The client that asks.
    pub client: ClientRecord,
    /// What is presented.
    pub device_code: DeviceCode,
    /// Names the exchange. All polls of one device code are one: whichever brings the tokens completes it.
    pub attempt: AttemptId,
}

/// A code that is presented at the token endpoint.
#[derive(Debug)]
pub(super) enum Code {
    /// Sent once, whatever happens.
    Browser(AuthorizationCode),
    /// Sent again and again until the user has decided, in exchanges of this name.
    Device(DeviceCode, AttemptId),
}

impl Code {
    pub(super) fn expose(&self) -> &str {
        match self {
            Self::Browser(code) => code.expose(),
            Self::Device(code, _) => code.expose(),
        }
    }

    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Browser(_) => Stage::AuthorizationCode,
            Self::Device(..) => Stage::DeviceCode,
        }
    }

    pub(super) fn is_polled(&self) -> bool {
        matches!(self, Self::Device(..))
    }

    /// What presents it. `None`: the record is not one that can be exchanged.
    pub(super) fn request(&self, record: &AuthorizationRecord, client: &ClientRecord) -> Option<HttpRequest> {
        let credentials = client.credentials();
        let url = client.endpoints.token.as_ref()?;
        let endpoint = TokenEndpoint { url, client: &credentials, dialect: &client.provider.dialect };
        Some(match self {
            Self::Browser(code) => {
                let verifier = record.verifier.as_ref()?;
                endpoint.exchange_code(code, &record.redirect_uri, verifier, &record.resources)
            }
            Self::Device(code, _) => endpoint.poll_device(code),
        })
    }

    /// What was done with it before, as far as it explains a refusal.
    pub(super) fn history(&self) -> History {
        match self {
            // Never sent twice, and what goes with it is ours.
            Self::Browser(_) => History { code_sent_before: Some(false), ..History::default() },
            Self::Device(..) => History::default(),
        }
    }

    /// Whether to poll on after this, and if so, whether slower. RFC 8628 3.5: also after a failure of the connection.
    pub(super) fn polls_on(&self, failure: &Failure) -> Option<Pace> {
        match (self, failure.consequence) {
            (Self::Device(..), Consequence::KeepPollingSlower) => Some(Pace::Slower),
            (
                Self::Device(..),
                Consequence::KeepPolling | Consequence::Retry | Consequence::ResolveUnknown,
            ) => Some(Pace::Same),
            _ => None,
        }
    }

    /// Whether the user has said no, which a browser would have brought back instead of a code.
    pub(super) fn is_denied(&self, failure: &Failure) -> bool {
        let code = failure.error.as_ref().and_then(|error| error.code.as_ref());
        self.is_polled() && code == Some(&ErrorCode::AccessDenied)
    }
}

/// How a device polls on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// After the same interval as before.
    Same,
    /// After a longer one, from now on (`slow_down`).
    Slower,
}
