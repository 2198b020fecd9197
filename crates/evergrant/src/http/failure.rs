//! Failures in the words of `evergrant-proto`. Their texts name the destination and what broke, nothing else: no
//! path, no query, no header, no body.

use std::{error::Error, io};

use evergrant_proto::wire::http::{RequestSent, TransportFailure, TransportFailureKind};

/// A failure before any byte of the request was written.
pub(super) fn unsent(kind: TransportFailureKind, detail: impl Into<String>) -> TransportFailure {
    TransportFailure { kind, request_sent: RequestSent::No, detail: detail.into() }
}

/// What an error of hyper means, given whether a byte of the request had left. `at` names the destination.
pub(super) fn broken(error: &hyper::Error, request_sent: RequestSent, at: &str) -> TransportFailure {
    let (kind, what) = match request_sent {
        RequestSent::No => (TransportFailureKind::Connect, "the connection closed before the request"),
        RequestSent::Maybe => meaning(error),
    };
    TransportFailure { kind, request_sent, detail: format!("{at}: {what}") }
}

/// The texts are ours: hyper's and those of its sources could quote what the peer sent.
fn meaning(error: &hyper::Error) -> (TransportFailureKind, &'static str) {
    if error.is_parse() || error.is_user() {
        // hyper tells a client not which of the two it was.
        return (
            TransportFailureKind::Protocol,
            "the answer is not HTTP/1.1, or its head is larger than the cap",
        );
    }
    match io_source(error) {
        Some(source) if is_of_tls(source) => {
            (TransportFailureKind::Tls, "TLS failed after the request was sent")
        }
        Some(source) if matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            (TransportFailureKind::Protocol, "the body of the answer is framed wrongly")
        }
        _ => (TransportFailureKind::Reset, "the connection broke before the answer was complete"),
    }
}

fn io_source(error: &hyper::Error) -> Option<&io::Error> {
    error.source()?.downcast_ref()
}

fn is_of_tls(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<rustls::Error>())
}
