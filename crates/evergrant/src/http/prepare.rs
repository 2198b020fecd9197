//! From a request as a value to a request as hyper sends it.

use bytes::Bytes;
use evergrant_proto::wire::http::{HttpRequest, Method, TransportFailure, TransportFailureKind};
use http_body_util::Full;
use hyper::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use url::Position;

use super::{destination::Destination, failure::unsent};

/// A request that hyper takes. Its clones share one body and one set of header values.
pub(super) type WireRequest = hyper::Request<Full<Bytes>>;

/// Headers that belong to the connection, or would change how the answer comes. A caller that sets one is wrong,
/// or is being used to smuggle a second request.
const OURS: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Adds `host` and, if the caller has none, `user-agent`; hyper adds `content-length`. Body and header values
/// move, uncopied, into buffers that wipe them when the last clone is dropped.
pub(super) fn prepare(
    request: HttpRequest,
    destination: &Destination,
    user_agent: &HeaderValue,
) -> Result<WireRequest, TransportFailure> {
    let refused = |what: &str| unsent(TransportFailureKind::Forbidden, format!("{destination}: {what}"));
    let mut prepared = hyper::Request::new(Full::new(Bytes::from_owner(request.body)));
    *prepared.method_mut() = match request.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        Method::Head => hyper::Method::HEAD,
        Method::Put => hyper::Method::PUT,
        Method::Patch => hyper::Method::PATCH,
        Method::Delete => hyper::Method::DELETE,
    };
    let target = &request.url[Position::BeforePath..Position::AfterQuery];
    *prepared.uri_mut() = target.parse().map_err(|_| refused("the path of the URL cannot be sent"))?;
    let host = HeaderValue::try_from(destination.authority(false));
    prepared.headers_mut().insert(HOST, host.map_err(|_| refused("the host cannot be sent"))?);
    prepared.headers_mut().insert(USER_AGENT, user_agent.clone());
    for (name, value) in request.headers {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("a header has no valid name"))?;
        if OURS.contains(&name.as_str()) {
            return Err(refused(&format!("the header {name} is not the caller's to set")));
        }
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value))
            .map_err(|_| refused(&format!("the value of the header {name} holds a forbidden character")))?;
        value.set_sensitive(true);
        if name == USER_AGENT {
            prepared.headers_mut().insert(name, value);
        } else {
            prepared.headers_mut().append(name, value);
        }
    }
    Ok(prepared)
}

#[cfg(test)]
mod tests {
    use url::Url;
    use zeroize::Zeroizing;

    use super::*;

    fn prepared(headers: &[(&'static str, &str)]) -> Result<WireRequest, TransportFailure> {
        let url = Url::parse("https://provider.example/token?resource=a#fragment").unwrap();
        let destination = Destination::of(&url, false).unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).into(), Zeroizing::new((*value).to_owned())))
            .collect();
        let request =
            HttpRequest { method: Method::Post, url, headers, body: Zeroizing::new(b"a=b".to_vec()) };
        prepare(request, &destination, &HeaderValue::from_static("evergrant/test"))
    }

    #[test]
    fn a_request_goes_out_in_origin_form_with_host_and_user_agent() {
        let request = prepared(&[("accept", "application/json")]).unwrap();
        assert_eq!(request.uri().to_string(), "/token?resource=a");
        assert_eq!(request.headers()[HOST], "provider.example");
        assert_eq!(request.headers()[USER_AGENT], "evergrant/test");
        assert!(!request.headers().contains_key("accept-encoding"));
        assert_eq!(prepared(&[("user-agent", "own")]).unwrap().headers()[USER_AGENT], "own");
    }

    #[test]
    fn a_header_that_would_smuggle_another_is_refused_without_quoting_its_value() {
        for value in ["canary\r\nx: y", "canary\n", "canary\r", "canary\0", "canary\u{7f}"] {
            let failure = prepared(&[("authorization", value)]).unwrap_err();
            assert_eq!(failure.kind, TransportFailureKind::Forbidden);
            assert!(!failure.detail.contains("canary"));
        }
        assert!(prepared(&[("bad name", "x")]).is_err());
        for name in OURS {
            assert!(prepared(&[(name, "x")]).is_err(), "{name}");
        }
    }

    #[test]
    fn header_values_are_masked_in_debug_output() {
        let request = prepared(&[("authorization", "Basic canary")]).unwrap();
        assert!(!format!("{:?}", request.headers()).contains("canary"));
    }
}
