//! JSON bodies.

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::{Object, shown};
use crate::{
    middleware::TooSlow,
    problem::{Problem, Reason},
};

/// Larger than any request needs: a refresh token of an odd provider has a few kilobytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A body of JSON. `T` denies unknown fields.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        parse(&read(request).await?).map(Self)
    }
}

/// The bytes of a body that says it is JSON.
pub(super) async fn read(request: Request) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::of(Reason::UnsupportedMediaType));
    }
    to_bytes(request.into_body(), MAX_BODY_BYTES).await.map_err(|error| unread(&error))
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map(|Object(body)| body).map_err(|error| invalid(&error))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn unread(error: &axum::Error) -> Problem {
    let too_large = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source())
        .any(|error| error.to_string().contains("length limit"));
    if too_large {
        Problem::of(Reason::BodyTooLarge)
    } else if TooSlow::ended(error) {
        Problem::new(
            Reason::InvalidBody,
            "The body came too slowly, so that nobody waits for the rest of it.",
        )
    } else {
        Problem::new(Reason::InvalidBody, "The body ended before it was complete.")
    }
}

fn invalid(error: &serde_json::Error) -> Problem {
    let at = format!("line {}, column {}", error.line(), error.column());
    let detail = match error.classify() {
        Category::Data => format!("{} ({at}).", without_value(&error.to_string())),
        Category::Eof => "The body ends in the middle of its JSON.".to_owned(),
        Category::Syntax | Category::Io => format!("The body is not JSON ({at})."),
    };
    Problem::new(Reason::InvalidBody, detail)
}

/// serde repeats the value that does not fit, and that may be a secret in the wrong place.
pub(crate) fn without_value(error: &str) -> String {
    let message = error.split(" at line ").next().unwrap_or(error);
    let shows_value = ["invalid type", "invalid value", "unknown variant", "invalid length"];
    match message.rsplit_once("expected ") {
        Some((_, expected)) if shows_value.iter().any(|start| message.starts_with(start)) => {
            format!("A value is of another kind than expected: {}", kind(expected))
        }
        // The names of the members that are known are ours, however many.
        _ => match message.split_once(", expected ") {
            Some((what, expected)) => format!("{}, expected {expected}", shown(what)),
            None => shown(message),
        },
    }
}

/// What serde calls by the names of the language.
fn kind(expected: &str) -> String {
    let is_integer = |text: &str| {
        let width = text.strip_prefix(['u', 'i']).unwrap_or_default();
        matches!(width, "8" | "16" | "32" | "64" | "128" | "size")
    };
    match expected {
        "a map" => "an object".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a string" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        text if is_integer(text) => "a whole number that is not too large".to_owned(),
        text if text.starts_with("struct ") => "an object".to_owned(),
        text => shown(text),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as Sent;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what is refused matters")]
    struct Sample {
        name: String,
        count: Option<u8>,
    }

    async fn refusal(kind: Option<&str>, body: impl Into<Sent>) -> Problem {
        let mut request = Request::new(body.into());
        if let Some(kind) = kind {
            request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        Body::<Sample>::from_request(request, &()).await.unwrap_err()
    }

    #[tokio::test]
    async fn another_content_type_is_refused() {
        for kind in
            [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")]
        {
            assert_eq!(
                refusal(kind, r#"{"name":"a"}"#).await.reason(),
                Reason::UnsupportedMediaType,
                "{kind:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_fit_is_refused_with_the_reason() {
        let rows = [
            (r#"{"name":"a","nam":1}"#, "unknown field `nam`"),
            (r#"{"name":"a","name":"b"}"#, "duplicate field `name`"),
            ("{}", "missing field `name`"),
            (r#"{"name":"#, "ends in the middle"),
            ("", "ends in the middle"),
            ("name=a", "is not JSON"),
            (r#"{"name":"a"} {}"#, "is not JSON"),
            ("[1]", "of another kind"),
            // serde takes a list for a struct, by the order of its fields: nobody documents that order, or keeps it.
            (r#"["a",1]"#, "of another kind"),
        ];
        for (body, expected) in rows {
            let problem = refusal(Some("application/json; charset=utf-8"), body).await;
            assert_eq!(problem.reason(), Reason::InvalidBody);
            assert!(problem.detail().contains(expected), "{body}: {}", problem.detail());
        }
    }

    #[tokio::test]
    async fn bytes_that_are_not_utf_8_are_refused() {
        let problem = refusal(Some("application/json"), b"{\"name\":\"\xff\"}".to_vec()).await;
        assert_eq!(problem.reason(), Reason::InvalidBody);
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused() {
        let body = format!(r#"{{"name":"{}"}}"#, "a".repeat(MAX_BODY_BYTES));
        assert_eq!(refusal(Some("application/json"), body).await.reason(), Reason::BodyTooLarge);
    }

    #[tokio::test]
    async fn a_value_in_the_wrong_place_is_not_repeated() {
        for body in [r#""canary""#, r#"{"name":"a","count":"canary"}"#, r#"{"name":["canary"]}"#] {
            let problem = refusal(Some("application/json"), body).await;
            assert!(!problem.detail().contains("canary"), "{}", problem.detail());
        }
    }

    #[tokio::test]
    async fn what_is_expected_is_said_without_the_names_of_a_language() {
        for (body, expected) in [
            ("[1]", "an object"),
            (r#"{"name":1}"#, "a text"),
            (r#"{"name":"a","count":"b"}"#, "a whole number"),
            (r#"{"name":"a","count":999}"#, "a whole number"),
        ] {
            let problem = refusal(Some("application/json"), body).await;
            assert!(problem.detail().contains(&format!("expected: {expected}")), "{}", problem.detail());
        }
    }

    #[tokio::test]
    async fn deep_nesting_is_refused() {
        let body = format!(r#"{{"name":{}"#, "[".repeat(50_000));
        assert_eq!(refusal(Some("application/json"), body).await.reason(), Reason::InvalidBody);
    }
}
