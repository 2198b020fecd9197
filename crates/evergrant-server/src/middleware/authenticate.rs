//! API keys: who asks, whether it may, and how often.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use evergrant::{proto::name::Namespace, store::access::KeyScope};

use crate::{
    access::{Key, NotFound, Standing},
    app::App,
    extract::Caller,
    problem::{Problem, Reason},
};

/// Names the namespace that a request is about; for keys that see all of them.
const NAMESPACE: HeaderName = HeaderName::from_static("evergrant-namespace");

/// What stands before a route.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) app: Arc<App>,
    /// What a key must be allowed.
    pub(crate) scope: KeyScope,
    /// Whether requests count towards the limit of their key.
    pub(crate) counted: bool,
}

/// Lets in who presents a good key (RFC 6750 2.1), and says for whom. Answers to programs are theirs alone and of this
/// moment: none is to be kept.
pub(crate) async fn authenticate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let caller = match gate.admit(request.headers()) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let standing = gate.count(&caller.key);
    let mut response = if let Some(wait) = standing.and_then(|standing| standing.wait) {
        Problem::of(Reason::TooManyRequests).retry_after(wait).into_response()
    } else {
        request.extensions_mut().insert(caller);
        next.run(request).await
    };
    if let Some(standing) = standing {
        standing.tell(response.headers_mut());
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Gate {
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let presented = presented(headers)?;
        let key = self.app.access.find(presented).map_err(|reason| match reason {
            NotFound::Unknown => Refusal::Key("invalid_token"),
            NotFound::NotRead => {
                Refusal::Problem(Problem::of(Reason::StoreUnavailable).retry_after(Duration::from_secs(1)))
            }
        })?;
        if key.has_expired(|| self.app.keeper.clock().now().wall) {
            return Err(Refusal::Key("invalid_token"));
        }
        key.note_use();
        if key.scope < self.scope {
            return Err(Refusal::Scope { held: key.scope, needed: self.scope });
        }
        let namespace = self.namespace(&key, headers).map_err(Refusal::Problem)?;
        Ok(Caller { key, namespace })
    }

    /// What the request is about. A name that the key does not see is as good as one that nobody has.
    fn namespace(&self, key: &Key, headers: &HeaderMap) -> Result<Namespace, Problem> {
        let mut named = headers.get_all(NAMESPACE).iter();
        let (first, second) = (named.next(), named.next());
        if second.is_some() {
            let detail = "The header Evergrant-Namespace is repeated.";
            return Err(Problem::new(Reason::InvalidHeader, detail));
        }
        let Some(first) = first else {
            return Ok(key.namespace.clone().unwrap_or_else(|| self.app.access.default_namespace()));
        };
        let named = first.to_str().ok().and_then(|name| Namespace::new(name).ok());
        let seen = |name: &Namespace| match &key.namespace {
            Some(own) => own == name,
            None => self.app.access.has_namespace(name),
        };
        named.filter(seen).ok_or_else(|| Problem::of(Reason::NoSuchNamespace))
    }

    fn count(&self, key: &Key) -> Option<Standing> {
        let limit = self.app.config.rate_limit.filter(|_| self.counted)?;
        Some(key.usage.requests.take(limit, self.app.keeper.clock().moment()))
    }
}

/// The key of the one `Authorization` header. Of two nobody knows which one is meant.
fn presented(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    let value = first.ok_or(Refusal::NoKey)?;
    if second.is_some() {
        return Err(Refusal::Key("invalid_request"));
    }
    let (scheme, key) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Refusal::Key("invalid_request"))?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(key.trim()) } else { Err(Refusal::NoKey) }
}

/// Why somebody is not let in. What kind of key it was that is not good, nobody is told.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Nothing was presented that could be a key: RFC 6750 3.1 wants no error code then.
    NoKey,
    /// What was presented is no good key, by an error code of RFC 6750 3.1.
    Key(&'static str),
    /// The key is good, and not for this.
    Scope { held: KeyScope, needed: KeyScope },
    /// Something else.
    Problem(Problem),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (reason, detail, error, scope) = match self {
            Self::Problem(problem) => return problem.into_response(),
            Self::NoKey => (Reason::Unauthenticated, None, None, None),
            Self::Key(error) => (Reason::Unauthenticated, None, Some(error), None),
            Self::Scope { held, needed } => {
                let detail = format!("This key has the scope {held}; this takes the scope {needed}.");
                (Reason::InsufficientScope, Some(detail), Some("insufficient_scope"), Some(needed))
            }
        };
        let problem = detail.map_or_else(|| Problem::of(reason), |detail| Problem::new(reason, detail));
        let mut response = problem.into_response();
        let mut challenge = "Bearer realm=\"evergrant\"".to_owned();
        for (name, value) in [("error", error), ("scope", scope.map(KeyScope::as_str))] {
            if let Some(value) = value {
                // Writing into a String cannot fail.
                write!(challenge, ", {name}=\"{value}\"").unwrap_or_default();
            }
        }
        let challenge = HeaderValue::try_from(challenge).expect("constants that fit into a header");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static [u8]]) -> HeaderMap {
        let value = |value: &&'static [u8]| HeaderValue::from_bytes(value).unwrap();
        values.iter().map(|text| (header::AUTHORIZATION, value(text))).collect()
    }

    #[test]
    fn a_key_comes_by_bearer_and_once() {
        assert_eq!(presented(&headers(&[b"Bearer egk_a"])).unwrap(), "egk_a");
        assert_eq!(presented(&headers(&[b"bearer egk_a"])).unwrap(), "egk_a");
        for refused in [&[][..], &[&b"Basic egk_a"[..]]] {
            assert!(matches!(presented(&headers(refused)), Err(Refusal::NoKey)), "{refused:?}");
        }
        for refused in [&[&b"egk_a"[..]][..], &[b"Bearer egk_a", b"Bearer egk_b"], &[b"Bearer \xff"], &[b""]]
        {
            assert!(matches!(presented(&headers(refused)), Err(Refusal::Key("invalid_request"))));
        }
    }

    #[test]
    fn who_lacks_a_scope_is_told_which() {
        let refusal = Refusal::Scope { held: KeyScope::ReadToken, needed: KeyScope::Admin };
        let response = refusal.into_response();
        assert_eq!(response.status(), 403);
        let challenge = "Bearer realm=\"evergrant\", error=\"insufficient_scope\", scope=\"admin\"";
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], challenge);
    }
}
