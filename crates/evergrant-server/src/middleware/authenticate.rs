//! API keys.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};

use crate::{
    ApiKeyHash, KnownKey,
    app::App,
    extract::Caller,
    problem::{Problem, Reason},
};

/// Lets in who presents a known key (RFC 6750 2.1), and says for whom.
pub(crate) async fn authenticate(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = presented(request.headers())
        .and_then(|key| known(&app.config.api_keys, &ApiKeyHash::of(key)))
        .ok_or_else(|| Problem::of(Reason::Unauthenticated))?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The key of the one `Authorization` header. Of two nobody knows which one is meant.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Compares with every key, so that the time does not tell which one came near.
fn known(keys: &[KnownKey], hash: &ApiKeyHash) -> Option<Caller> {
    keys.iter().fold(None, |found, key| {
        let fits = key.hash.matches(hash);
        if fits { Some(Caller { namespace: key.namespace.clone() }) } else { found }
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_key_comes_by_bearer_and_once() {
        assert_eq!(presented(&headers(&["Bearer egk_a"])), Some("egk_a"));
        assert_eq!(presented(&headers(&["bearer egk_a"])), Some("egk_a"));
        for refused in [&[][..], &["egk_a"], &["Basic egk_a"], &["Bearer egk_a", "Bearer egk_b"]] {
            assert_eq!(presented(&headers(refused)), None, "{refused:?}");
        }
    }
}
