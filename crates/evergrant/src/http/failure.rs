//! Failures in the words of `evergrant-proto`. Their texts name the destination and what broke, nothing else: no
//! path, no query, no header, no body.

use std::{error::Error, io};

use evergrant_proto::wire::http::{RequestSent, TransportFailure, TransportFailureKind};

/// Longest text of a failure, in characters. A certificate can name thousands of hosts.
const MAX_DETAIL_CHARACTERS: usize = 300;

/// A failure before any byte of the request was written. The texts of resolver and TLS pass through here; the
/// latter quote the peer's certificate, so they are kept to one short line.
pub(super) fn unsent(kind: TransportFailureKind, detail: impl AsRef<str>) -> TransportFailure {
    let printable = |character: char| if character.is_control() { ' ' } else { character };
    let detail = detail.as_ref().chars().take(MAX_DETAIL_CHARACTERS).map(printable).collect();
    TransportFailure { kind, request_sent: RequestSent::No, detail }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_can_put_into_a_failure_is_one_short_line() {
        let failure = unsent(TransportFailureKind::Tls, format!("a\r\n\u{1b}[31m{}", "ü".repeat(5000)));
        assert!(failure.detail.starts_with("a   [31mü"));
        assert_eq!(failure.detail.chars().count(), MAX_DETAIL_CHARACTERS);
    }
}
