//! One delivery.

use std::{borrow::Cow, time::Duration};

use evergrant::{
    Carrier,
    proto::{
        failure::retry_after::retry_after,
        time::{Moment, Timestamp},
        wire::http::{HttpRequest, HttpResponse, Method, TransportFailure, TransportFailureKind},
    },
    store::webhook::{MessageId, WebhookSecret, WebhookUrl},
};
use url::Url;
use zeroize::Zeroizing;

use super::sign::signatures;

/// What a receiver did with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has it.
    Delivered,
    /// It wants none any more.
    Gone,
    /// It may not have it. One sentence, in which nothing is the receiver's; and how long it asked to be left alone.
    Failed(String, Option<Duration>),
}

/// What is sent.
pub(super) struct Envelope<'a> {
    pub(super) url: &'a WebhookUrl,
    pub(super) secrets: &'a [WebhookSecret],
    pub(super) id: MessageId,
    pub(super) body: Vec<u8>,
}

/// How long a delivery may wait for its first byte: less than a courier keeps its place.
const SEND_WITHIN: Duration = Duration::from_secs(20);

/// Sends a message once.
pub(super) async fn send(
    carrier: &dyn Carrier,
    envelope: Envelope<'_>,
    now: (Timestamp, Moment),
    patience: Duration,
) -> Verdict {
    let Some(request) = request(envelope, now.0) else {
        return Verdict::Failed("Its address is no URL.".to_owned(), None);
    };
    match carrier.send(request, now.1.plus(SEND_WITHIN), patience).await {
        Ok(response) => judge(&response, now.0),
        Err(failure) => {
            tracing::debug!(target: "evergrant::webhook", detail = failure.detail, "a delivery failed");
            Verdict::Failed(in_words(&failure).to_owned(), None)
        }
    }
}

fn request(envelope: Envelope<'_>, now: Timestamp) -> Option<HttpRequest> {
    let header = |name: &'static str, value: String| (Cow::Borrowed(name), Zeroizing::new(value));
    Some(HttpRequest {
        method: Method::Post,
        url: Url::parse(&envelope.url.0).ok()?,
        headers: vec![
            header("content-type", "application/json".to_owned()),
            header("webhook-id", envelope.id.to_string()),
            header("webhook-timestamp", now.seconds().to_string()),
            header("webhook-signature", signatures(envelope.secrets, envelope.id, now, &envelope.body)),
        ],
        body: Zeroizing::new(envelope.body),
    })
}

fn judge(response: &HttpResponse, now: Timestamp) -> Verdict {
    match response.status {
        200..=299 => Verdict::Delivered,
        410 => Verdict::Gone,
        300..=399 => Verdict::Failed(
            format!("It answered {}: redirects are not followed, give the new address.", response.status),
            None,
        ),
        status => Verdict::Failed(format!("It answered {status}."), retry_after(response, now)),
    }
}

/// In our own words: what the network says could tell of what is behind a firewall.
fn in_words(failure: &TransportFailure) -> &'static str {
    match failure.kind {
        TransportFailureKind::Forbidden => {
            "Its address may not be reached: it has to be https and on the public internet, in one of `egress.allow_networks`, or plain http to this host where `egress.allow_loopback_http` allows that."
        }
        TransportFailureKind::TooLate => "It could not be sent in time.",
        TransportFailureKind::Dns => "The name of its host does not resolve.",
        TransportFailureKind::Connect => "No connection could be made.",
        TransportFailureKind::Tls => "TLS failed: look at its certificate.",
        TransportFailureKind::Timeout => "It did not answer in time.",
        TransportFailureKind::Reset => "It closed the connection before it had answered.",
        TransportFailureKind::TooLarge => "Its answer was too large: a status is enough.",
        TransportFailureKind::Protocol => "Its answer was not HTTP.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, headers: &[(&str, &str)]) -> Verdict {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let response = HttpResponse { status, headers, body: Zeroizing::default() };
        judge(&response, Timestamp::from_seconds(1_800_000_000))
    }

    #[test]
    fn only_a_2xx_is_a_success_and_410_ends_it() {
        for status in [200, 201, 204, 299] {
            assert_eq!(answered(status, &[]), Verdict::Delivered, "{status}");
        }
        assert_eq!(answered(410, &[]), Verdict::Gone);
        for status in [301, 302, 307, 400, 401, 404, 429, 500, 502, 503, 504] {
            assert!(matches!(answered(status, &[]), Verdict::Failed(_, None)), "{status}");
        }
    }

    #[test]
    fn a_receiver_may_say_when_to_come_back() {
        let wait = |status, after| match answered(status, &[("retry-after", after)]) {
            Verdict::Failed(_, wait) => wait,
            verdict => panic!("{verdict:?}"),
        };
        assert_eq!(wait(503, "120"), Some(Duration::from_secs(120)));
        assert_eq!(wait(429, "Fri, 15 Jan 2027 08:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(wait(503, "nonsense"), None);
    }

    #[test]
    fn nothing_that_the_receiver_or_the_network_said_is_in_the_sentence() {
        let failure = TransportFailure {
            kind: TransportFailureKind::Forbidden,
            request_sent: evergrant::proto::wire::http::RequestSent::No,
            detail: "internal.example resolves to 10.0.0.3".to_owned(),
        };
        assert!(!in_words(&failure).contains("10.0.0.3"));
    }
}
