//! What a failure means: one pure function from what was reached to a culprit and a consequence.
//!
//! # Example
//!
//! A firewall in front of the provider answers a refresh. Nothing is dead, and nothing may be repeated blindly:
//!
//! ```
//! use evergrant_proto::{
//!     diagnosis::{History, diagnose},
//!     failure::{Consequence, Exchange, Stage, Verdict, classify},
//!     provider::Provider,
//!     time::Timestamp,
//!     wire::http::HttpResponse,
//! };
//!
//! let provider = Provider::generic();
//! let response = HttpResponse { status: 403, headers: vec![], body: b"<html>Blocked</html>".to_vec().into() };
//! let verdict = classify(&Exchange {
//!     stage: Stage::RefreshToken,
//!     result: Ok(&response),
//!     dialect: &provider.dialect,
//!     now: Timestamp::from_seconds(1_795_222_891),
//!     secrets: &[],
//! });
//!
//! let Verdict::Failure(failure) = verdict else { panic!("no tokens came") };
//! assert_eq!(failure.consequence, Consequence::ResolveUnknown);
//! let diagnosis = diagnose(&failure, &History::default(), &provider);
//! assert_eq!(diagnosis.cause.as_str(), "ip_or_network_policy_blocked");
//! ```

pub mod clock_offset;
mod report;
pub mod retry_after;
mod table;

use serde::{Deserialize, Serialize};

pub use self::{
    clock_offset::ClockOffset,
    report::{Report, reported},
    table::{classify, refused},
};
use crate::{
    diagnosis::{Cause, Certainty},
    provider::Dialect,
    time::Timestamp,
    wire::{
        error_response::ErrorResponse,
        http::{HttpResponse, TransportFailure, TransportFailureKind},
        token_response::{PartialTokens, TokenResponse},
    },
};

/// One exchange with a provider, over.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// What was asked.
    pub stage: Stage,
    /// What was reached: an answer, or why there is none.
    pub result: Result<&'a HttpResponse, &'a TransportFailure>,
    /// How this provider speaks.
    pub dialect: &'a Dialect,
    /// When the answer came, by our wall clock.
    pub now: Timestamp,
    /// What was sent and must not come back in an error's text.
    pub secrets: &'a [&'a str],
}

/// What an exchange was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// RFC 6749 4.1.3.
    AuthorizationCode,
    /// RFC 6749 6.
    RefreshToken,
    /// RFC 8628 3.1.
    DeviceAuthorization,
    /// RFC 8628 3.4.
    DeviceCode,
    /// RFC 7009.
    Revocation,
    /// RFC 7662.
    Introspection,
    /// RFC 8414.
    Metadata,
    /// RFC 6749 4.4.
    ClientCredentials,
    /// RFC 6749 4.3.
    Password,
    /// RFC 7523 2.1.
    JwtBearer,
    /// A resource server's answer to an access token (RFC 6750 3).
    ApiCall,
    /// What came back with the user instead of a code (RFC 6749 4.1.2.1).
    Authorization,
}

/// What came of an exchange with the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Tokens.
    Success(Box<TokenResponse>),
    /// No whole success, and yet tokens, which may be the only copies: to be kept sealed.
    Salvaged {
        /// What could be read.
        tokens: Box<PartialTokens>,
        /// What the exchange counts as.
        failure: Failure,
    },
    /// Nothing but a failure.
    Failure(Failure),
}

/// A failure. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was asked.
    pub stage: Stage,
    /// Who is at fault.
    pub culprit: Culprit,
    /// Whether the provider may have acted on the request.
    pub processed: Processed,
    /// What follows.
    pub consequence: Consequence,
    /// How long the provider asks us to wait, at most [`retry_after::MAX_RETRY_AFTER`], in seconds.
    pub retry_after_seconds: Option<u64>,
    /// What the provider said.
    pub error: Option<ErrorResponse>,
    /// The status of the answer.
    pub http_status: Option<u16>,
    /// Why there was no answer.
    pub transport: Option<TransportFailureKind>,
    /// What the catalogue says of exactly this error.
    pub catalogue: Option<CatalogueCause>,
    /// The nonce to use (RFC 9449 8), with [`Consequence::AnswerNonce`].
    pub dpop_nonce: Option<String>,
    /// One line for people, safe to show.
    pub summary: String,
}

impl Failure {
    /// The provider's error code, masked; empty if it named none.
    pub fn code(&self) -> String {
        let code = self.error.as_ref().and_then(|error| error.code.as_ref());
        code.map_or_else(String::new, ToString::to_string)
    }
}

/// A cause that the catalogue attaches to an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueCause {
    /// The cause.
    pub cause: Cause,
    /// How surely the error tells it.
    pub certainty: Certainty,
}

/// Who is at fault, and so who can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Culprit {
    /// DNS, connection, TLS, proxy: nothing reached the provider.
    Network,
    /// The provider's service, or whatever answered in its place.
    Provider,
    /// Our registration at the provider.
    ClientRegistration,
    /// The user's consent, session or account, or the token's life.
    Grant,
    /// What was asked for.
    Request,
    /// Our own store, keys, clock or configuration.
    Local,
}

/// Whether the provider may have acted on the request: if so, a refresh token may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Processed {
    /// Provably not.
    No,
    /// It cannot be ruled out.
    Maybe,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// Repeat, with backoff; nothing is in doubt.
    Retry,
    /// The outcome is unknown: the rotation policy decides, not a backoff.
    ResolveUnknown,
    /// What was presented is dead: it is never presented again.
    Terminal,
    /// The client's grants pause; none of them is dead.
    SuspendClient,
    /// The request is wrong: repeating it is of no use, and no grant is dead.
    RefuseRequest,
    /// Repeat at once with the nonce; no failure at all (RFC 9449 8).
    AnswerNonce,
    /// Ask again after the interval (RFC 8628 3.5).
    KeepPolling,
    /// Ask again after the interval, which is five seconds longer from now on (RFC 8628 3.5).
    KeepPollingSlower,
    /// Somebody here has to act; nothing was sent.
    Alarm,
}
