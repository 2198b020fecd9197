//! Requests that may be sent again without harm (draft-ietf-httpapi-idempotency-key-header-07).

use aws_lc_rs::digest;
use axum::{
    RequestExt,
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderName, HeaderValue},
};
use evergrant::store::once::OnceKey;
use serde::de::DeserializeOwned;

use super::{Caller, body};
use crate::problem::{Problem, Reason};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Longer than a name of anything needs to be.
const LONGEST: usize = 255;

/// A body of JSON, as [`super::Body`], and the name that the caller gave to the request, if any.
#[derive(Debug)]
pub(crate) struct Idempotent<T> {
    pub(crate) body: T,
    pub(crate) request: Option<OnceKey>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Idempotent<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, _: &S) -> Result<Self, Problem> {
        let Ok(caller) = request.extract_parts::<Caller>().await;
        let name = name(request.headers())?;
        let mut digest = digest::Context::new(&digest::SHA256);
        for part in [request.method().as_str(), " ", request.uri().path(), "\n"] {
            digest.update(part.as_bytes());
        }
        let bytes = body::read(request).await?;
        digest.update(&bytes);
        let digest = digest.finish();
        let request = name.map(|name| OnceKey {
            namespace: caller.namespace,
            name,
            request: digest.as_ref().try_into().expect("SHA-256 has 32 bytes"),
        });
        Ok(Self { body: body::parse(&bytes)?, request })
    }
}

fn name(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => parse(value).map(Some).ok_or_else(|| {
            invalid(&format!("holds no string: write 1 to {LONGEST} visible characters, in quotes"))
        }),
        (Some(_), Some(_)) => Err(invalid("is repeated")),
    }
}

fn invalid(how: &str) -> Problem {
    Problem::new(Reason::InvalidHeader, format!("The header Idempotency-Key {how}."))
}

/// A string of RFC 9651 3.3.3; also what many programs send instead: the same without quotes.
fn parse(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let name = match text.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None if text.contains([' ', '"', ',', ';', '\\', '\t']) => return None,
        None => text.to_owned(),
    };
    (1..=LONGEST).contains(&name.len()).then_some(name)
}

/// What stands before the closing quote, which is the last character.
fn unquote(quoted: &str) -> Option<String> {
    let mut name = String::with_capacity(quoted.len());
    let mut letters = quoted.chars();
    loop {
        match letters.next()? {
            '"' => return letters.next().is_none().then_some(name),
            '\\' => name.push(letters.next().filter(|letter| matches!(letter, '"' | '\\'))?),
            letter @ ' '..='~' => name.push(letter),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<String>, Reason> {
        let value = |value: &&[u8]| (IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        name(&values.iter().map(value).collect()).map_err(|problem| problem.reason())
    }

    #[test]
    fn a_request_may_have_a_name_in_quotes_or_without() {
        assert_eq!(read(&[]), Ok(None));
        for (value, expected) in [
            (&br#""8e03978e-40d5-43dd-bc93-6894a57f9324""#[..], "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            (b"8e03978e", "8e03978e"),
            (br#""a \"b\" \\c""#, r#"a "b" \c"#),
        ] {
            assert_eq!(read(&[value]), Ok(Some(expected.to_owned())));
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = [b'a'; 256];
        for values in [
            &[&b""[..]][..],
            &[b"\"\""],
            &[b"\"a"],
            &[b"\"a\" "],
            &[b"\"a\";p=1"],
            &[br#""a\n""#],
            &[b"a b"],
            &[b"a,b"],
            &[b"a\"b"],
            &[b"\xff"],
            &[b"\"\xc3\xbc\""],
            &[&long],
            &[b"a", b"a"],
        ] {
            // A header's value is never sent with white space at its end.
            if values[0].ends_with(b" ") {
                continue;
            }
            assert_eq!(read(values), Err(Reason::InvalidHeader), "{values:?}");
        }
    }
}
