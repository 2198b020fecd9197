//! Why there was no answer, by what libraries say of it.

use evergrant_proto::wire::{
    error_response::ErrorResponse,
    http::{RequestSent, TransportFailure, TransportFailureKind as Kind},
};

use super::{beginning, secrets::Secrets};

/// What libraries write, in lower case, and where the exchange broke then. In this order: a certificate stays wrong,
/// a handshake that runs out of time is a time limit.
const PHRASES: [(&[&str], Kind); 7] = [
    (
        &[
            "certificate",
            "x509",
            "pkix",
            "cert_",
            "unable_to_verify",
            "self signed",
            "self-signed",
            "self_signed",
            "trust anchor",
            "unknown authority",
            "hostname mismatch",
            "wrong version number",
            "protocol version",
            "unknown_ca",
            "bad_certificate",
            "trustfailure",
        ],
        Kind::Tls,
    ),
    (
        &[
            "enotfound",
            "eai_again",
            "getaddrinfo",
            "no such host",
            "name or service not known",
            "nameresolution",
            "name resolution",
            "unknownhost",
            "could not resolve",
            "nodename nor servname",
            "dns",
            "err_name",
            "failed to resolve",
        ],
        Kind::Dns,
    ),
    (
        &[
            "econnrefused",
            "connection refused",
            "ehostunreach",
            "enetunreach",
            "no route to host",
            "unreachable",
            "connect timeout",
            "connecttimeout",
            "connect timed out",
            "failed to connect",
            "could not connect",
            "proxyerror",
            "tunnel",
            "actively refused",
        ],
        Kind::Connect,
    ),
    (
        &[
            "etimedout",
            "timed out",
            "timeout",
            "deadline exceeded",
            "esockettimedout",
            "econnaborted",
            "operation was canceled",
            "aborterror",
            "request aborted",
        ],
        Kind::Timeout,
    ),
    (
        &[
            "econnreset",
            "connection reset",
            "socket hang up",
            "broken pipe",
            "epipe",
            "unexpected eof",
            "remotedisconnected",
            "remote end closed",
            "connection aborted",
            "connection closed",
            "fetch failed",
            "network error",
            "networkerror",
            "premature",
            "max retries exceeded",
            "dial tcp",
            "ssl_error_syscall",
            "connection was closed",
            "forcibly closed",
        ],
        Kind::Reset,
    ),
    (&["ssl", "tls handshake", "handshake", "fatal alert", "tlsv1"], Kind::Tls),
    (&["malformed http", "invalid http response", "badstatusline"], Kind::Protocol),
];

/// A failure that is known to be one of the transport.
pub(super) fn failure(text: &str, secrets: &Secrets) -> TransportFailure {
    let kind = kind_in(text).unwrap_or(Kind::Connect);
    TransportFailure {
        kind,
        request_sent: match kind {
            Kind::Timeout | Kind::Reset | Kind::TooLarge | Kind::Protocol => RequestSent::Maybe,
            Kind::Forbidden | Kind::TooLate | Kind::Dns | Kind::Connect | Kind::Tls => RequestSent::No,
        },
        detail: secrets.mask(text),
    }
}

/// A failure of the transport, if a text speaks of one and of no answer.
pub(super) fn of(text: &str, error: Option<&ErrorResponse>, secrets: &Secrets) -> Option<TransportFailure> {
    let answered = error.is_some_and(|error| error.code.is_some() || !error.vendor_codes.is_empty());
    let short = text.len() < 4096 && !text.trim_start().starts_with(['{', '[', '<']);
    (short && !answered && kind_in(text).is_some()).then(|| failure(text, secrets))
}

fn kind_in(text: &str) -> Option<Kind> {
    let text = beginning(text, 4096).to_lowercase();
    PHRASES
        .iter()
        .find(|(phrases, _)| phrases.iter().any(|phrase| text.contains(phrase)))
        .map(|(_, kind)| *kind)
}
