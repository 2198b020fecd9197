//! The failure table.

use super::{
    CatalogueCause, Consequence, Culprit, Exchange, Failure, Processed, Stage, Verdict,
    retry_after::retry_after,
};
use crate::{
    provider::{Meaning, Signature},
    wire::{
        challenge::Challenge,
        error_response::{ErrorCode, ErrorResponse, ErrorShape},
        http::{HttpResponse, RequestSent, TransportFailure, TransportFailureKind},
        token_response::{NoTokens, TokenResponse},
    },
};

/// One line of the table: who is at fault, whether the request may have been processed, what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Judgement(Culprit, Processed, Consequence);

const UNSENT: Judgement = Judgement(Culprit::Network, Processed::No, Consequence::Retry);
const NOT_NOW: Judgement = Judgement(Culprit::Provider, Processed::No, Consequence::Retry);
const IN_DOUBT: Judgement = Judgement(Culprit::Provider, Processed::Maybe, Consequence::ResolveUnknown);
const DEAD: Judgement = Judgement(Culprit::Grant, Processed::No, Consequence::Terminal);
const CLIENT: Judgement = Judgement(Culprit::ClientRegistration, Processed::No, Consequence::SuspendClient);
const STALE: Judgement = Judgement(Culprit::Grant, Processed::No, Consequence::Retry);
const REQUEST: Judgement = Judgement(Culprit::Request, Processed::No, Consequence::RefuseRequest);
const NONCE: Judgement = Judgement(Culprit::Provider, Processed::No, Consequence::AnswerNonce);
const PENDING: Judgement = Judgement(Culprit::Grant, Processed::No, Consequence::KeepPolling);
const SLOWER: Judgement = Judgement(Culprit::Provider, Processed::No, Consequence::KeepPollingSlower);
const FORBIDDEN: Judgement = Judgement(Culprit::Local, Processed::No, Consequence::Alarm);
const TOO_LATE: Judgement = Judgement(Culprit::Local, Processed::No, Consequence::Retry);

/// Judges an exchange with a token endpoint: tokens whatever is odd about them, else a failure.
///
/// Errors of the server, timeouts, rate limits, TLS, DNS and bodies that cannot be read never end a grant
/// (requirement 6). Only an error code that is known, in a body of the shape that RFC 6749 5.2 or the
/// catalogue gives, does: a firewall's page that says 400 or 403 is no refusal.
pub fn classify(exchange: &Exchange<'_>) -> Verdict {
    let response = match exchange.result {
        Ok(response) => response,
        Err(failure) => return Verdict::Failure(unanswered(exchange.stage, failure)),
    };
    if !(200..300).contains(&response.status) {
        return Verdict::Failure(refused(exchange, response));
    }
    match TokenResponse::read(&response.body, exchange.dialect) {
        Ok(tokens) => Verdict::Success(Box::new(tokens)),
        Err(NoTokens::Partial(tokens)) => Verdict::Salvaged {
            tokens: Box::new(tokens),
            failure: failure(exchange, response, IN_DOUBT, None, None),
        },
        Err(NoTokens::Absent | NoTokens::Unreadable) => Verdict::Failure(refused(exchange, response)),
    }
}

/// Judges an answer that is known to hold no tokens: of the endpoints that issue none, or a refusal.
pub fn refused(exchange: &Exchange<'_>, response: &HttpResponse) -> Failure {
    let error = ErrorResponse::read(response).map(|error| error.redact(exchange.secrets));
    let signature = exchange.dialect.signature_for(response, error.as_ref());
    let judgement = judge(exchange, response, error.as_ref(), signature);
    failure(exchange, response, judgement, error, signature)
}

/// Judges an answer whose body was not kept, by what was read of it.
pub(super) fn judged(
    exchange: &Exchange<'_>,
    response: &HttpResponse,
    error: Option<ErrorResponse>,
) -> Failure {
    let signature = exchange.dialect.signature_for(response, error.as_ref());
    let judgement = match judge(exchange, response, error.as_ref(), signature) {
        IN_DOUBT => judge_unknown(exchange.stage, response.status, error.is_some()),
        known => known,
    };
    failure(exchange, response, judgement, error, signature)
}

/// A refusal that no table knows. Who reports it has ruled out that something else answered.
fn judge_unknown(stage: Stage, status: u16, says_something: bool) -> Judgement {
    match (stage, status) {
        (Stage::ApiCall, _) => IN_DOUBT,
        (Stage::Introspection, 400..=403) => CLIENT,
        (_, 401) if !says_something => CLIENT,
        (_, 400) => DEAD,
        (_, 401 | 403) if says_something => DEAD,
        _ => IN_DOUBT,
    }
}

fn judge(
    exchange: &Exchange<'_>,
    response: &HttpResponse,
    error: Option<&ErrorResponse>,
    signature: Option<&Signature>,
) -> Judgement {
    match response.status {
        503 if exchange.dialect.unavailable_may_be_processed => IN_DOUBT,
        // RFC 8470 5.2, RFC 6585 4, RFC 9110 15.6.4: the server did not handle the request.
        425 | 429 | 503 => NOT_NOW,
        // A 500 may be the crash after the rotation, even if its body is a neat server_error: only the
        // catalogue can vouch for it.
        500.. => signature
            .filter(|signature| {
                signature.verdict() == Some(Meaning::Transient) && !signature.status.is_empty()
            })
            .map_or(IN_DOUBT, |_| NOT_NOW),
        // RFC 9110 15.5.8: it was our own proxy, and nothing went further.
        407 => UNSENT,
        // A redirect is never followed, and is no answer of a token endpoint.
        408 | ..200 | 300..400 => IN_DOUBT,
        status => signature
            .and_then(Signature::verdict)
            .map(by_meaning)
            .or_else(|| error.and_then(|error| by_code(error, exchange.stage)))
            .or_else(|| by_challenge(status, response))
            .unwrap_or(IN_DOUBT),
    }
}

fn by_meaning(meaning: Meaning) -> Judgement {
    match meaning {
        Meaning::Dead => DEAD,
        Meaning::Client => CLIENT,
        Meaning::Request => REQUEST,
        Meaning::Transient => NOT_NOW,
    }
}

/// What a registered code means. `None` for codes that nobody registered and the catalogue does not know, and for
/// errors in a place where they may not come from the authorization server.
fn by_code(error: &ErrorResponse, stage: Stage) -> Option<Judgement> {
    let code = error.code.as_ref()?;
    let believed = match error.shape {
        ErrorShape::Standard => true,
        ErrorShape::Header => matches!(code, ErrorCode::InvalidClient | ErrorCode::UseDpopNonce),
        ErrorShape::Dialect => false,
    };
    if !believed {
        return None;
    }
    Some(match code {
        // RFC 6750 3.1: a fresh token helps, and nothing was granted yet that could be dead.
        ErrorCode::InvalidToken | ErrorCode::ExpiredToken if stage == Stage::ApiCall => STALE,
        ErrorCode::InvalidGrant
        | ErrorCode::ExpiredToken
        | ErrorCode::InvalidToken
        | ErrorCode::AccessDenied
        | ErrorCode::InteractionRequired
        | ErrorCode::LoginRequired
        | ErrorCode::ConsentRequired
        | ErrorCode::AccountSelectionRequired
        | ErrorCode::InsufficientUserAuthentication => DEAD,
        ErrorCode::InvalidClient | ErrorCode::UnauthorizedClient => CLIENT,
        ErrorCode::InvalidRequest
        | ErrorCode::InvalidScope
        | ErrorCode::InvalidTarget
        | ErrorCode::InsufficientScope
        | ErrorCode::InvalidDpopProof
        | ErrorCode::UnsupportedGrantType
        | ErrorCode::UnsupportedResponseType
        | ErrorCode::UnsupportedTokenType => REQUEST,
        ErrorCode::UseDpopNonce => NONCE,
        ErrorCode::AuthorizationPending if stage == Stage::DeviceCode => PENDING,
        ErrorCode::SlowDown if stage == Stage::DeviceCode => SLOWER,
        ErrorCode::SlowDown | ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable => NOT_NOW,
        ErrorCode::AuthorizationPending | ErrorCode::Other(_) => return None,
    })
}

/// RFC 9110 15.5.2: a 401 says that the request was not applied for lack of credentials; RFC 6749 5.2 has the client
/// authenticate by the scheme it used.
fn by_challenge(status: u16, response: &HttpResponse) -> Option<Judgement> {
    let headers = response.headers.iter().filter(|(name, _)| name == "www-authenticate");
    let mut challenges = headers.flat_map(|(_, value)| Challenge::parse(value));
    (status == 401 && challenges.any(|challenge| challenge.scheme == "basic")).then_some(CLIENT)
}

fn failure(
    exchange: &Exchange<'_>,
    response: &HttpResponse,
    Judgement(culprit, processed, consequence): Judgement,
    error: Option<ErrorResponse>,
    signature: Option<&Signature>,
) -> Failure {
    let cause = signature.and_then(|signature| {
        Some(CatalogueCause { cause: signature.cause?, certainty: signature.certainty })
    });
    Failure {
        stage: exchange.stage,
        culprit,
        processed,
        consequence,
        retry_after_seconds: retry_after(response, exchange.now).map(|wait| wait.as_secs()),
        summary: summary(response, error.as_ref()),
        error,
        http_status: Some(response.status),
        transport: None,
        catalogue: cause,
        dpop_nonce: (consequence == Consequence::AnswerNonce).then(|| nonce(response)).flatten(),
    }
}

fn nonce(response: &HttpResponse) -> Option<String> {
    // RFC 9449 8.1: 1*NQCHAR.
    let is_nonce = |nonce: &&str| {
        !nonce.is_empty()
            && nonce.len() <= 512
            && nonce.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    response.header("dpop-nonce").filter(is_nonce).map(str::to_owned)
}

fn summary(response: &HttpResponse, error: Option<&ErrorResponse>) -> String {
    let status = response.status;
    let code = error.and_then(|error| {
        error.code.as_ref().map(ToString::to_string).or_else(|| error.vendor_codes.first().cloned())
    });
    match code {
        Some(code) => format!("the provider answered {status} with the error {code}"),
        None if error.is_some() => format!("the provider answered {status} with an error of its own kind"),
        None if (200..300).contains(&status) => {
            format!("the provider answered {status} without readable tokens")
        }
        None => format!("the answer was {status} without an OAuth error"),
    }
}

fn unanswered(stage: Stage, transport: &TransportFailure) -> Failure {
    let Judgement(culprit, processed, consequence) = by_transport(transport);
    Failure {
        stage,
        culprit,
        processed,
        consequence,
        retry_after_seconds: None,
        error: None,
        http_status: None,
        transport: Some(transport.kind),
        catalogue: None,
        dpop_nonce: None,
        summary: crate::wire::untrusted_text::UntrustedText::new(&transport.detail).as_str().to_owned(),
    }
}

fn by_transport(failure: &TransportFailure) -> Judgement {
    match (failure.kind, failure.request_sent) {
        (TransportFailureKind::Forbidden, _) => FORBIDDEN,
        (TransportFailureKind::TooLate, _) => TOO_LATE,
        (_, RequestSent::No) => UNSENT,
        (_, RequestSent::Maybe) => IN_DOUBT,
    }
}

#[cfg(test)]
mod tests;
