//! Form-encoded parameters (RFC 6749 3.2 and appendix B): an empty one is absent, a repeated one is an error.

use std::borrow::Cow;

/// The parameters of one request, decoded. No name occurs twice, except `resource` (RFC 8707 2).
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters(Vec<(String, String)>);

/// Why a query or body is not a set of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidParameters {
    #[error("a parameter occurs more than once")]
    Repeated,
    #[error("a percent sign is not followed by two hexadecimal digits")]
    Escape,
    #[error("a parameter is not UTF-8")]
    Text,
    #[error("the body is not application/x-www-form-urlencoded")]
    ContentType,
}

impl Parameters {
    /// Parses a query string or a form body.
    pub(crate) fn parse(encoded: &[u8]) -> Result<Self, InvalidParameters> {
        let mut parsed = Self::default();
        for pair in encoded.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = match pair.iter().position(|&byte| byte == b'=') {
                Some(equals) => (&pair[..equals], &pair[equals + 1..]),
                None => (pair, &b""[..]),
            };
            parsed.push(decode(name)?, decode(value)?)?;
        }
        Ok(parsed)
    }

    fn push(&mut self, name: String, value: String) -> Result<(), InvalidParameters> {
        if name != "resource" && self.0.iter().any(|(known, _)| *known == name) {
            return Err(InvalidParameters::Repeated);
        }
        self.0.push((name, value));
        Ok(())
    }

    /// The value of a parameter; an empty one counts as absent (RFC 6749 3.1).
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// All values of a parameter that may be repeated.
    pub(crate) fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// Every pair, for a form that carries them on.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Decodes one form-encoded text: `+` is a space, `%XX` a byte.
pub(crate) fn decode(encoded: &[u8]) -> Result<String, InvalidParameters> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = hex_digit(bytes.next())?;
                high << 4 | hex_digit(bytes.next())?
            }
            other => other,
        });
    }
    String::from_utf8(decoded).map_err(|_| InvalidParameters::Text)
}

fn hex_digit(byte: Option<&u8>) -> Result<u8, InvalidParameters> {
    let digit = byte.and_then(|&byte| char::from(byte).to_digit(16)).ok_or(InvalidParameters::Escape)?;
    Ok(u8::try_from(digit).expect("a hexadecimal digit is below 16"))
}

/// Encodes pairs as a query string or form body.
pub(crate) fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let encoded = pairs.into_iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    encoded.collect::<Vec<_>>().join("&")
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if text.bytes().all(unreserved) {
        return Cow::Borrowed(text);
    }
    let escaped = text
        .bytes()
        .map(|byte| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_parameter_is_absent_and_a_repeated_one_an_error() {
        let parameters = Parameters::parse(b"a=1&b=&c=x+y%2B").unwrap();
        assert_eq!(parameters.value("a"), Some("1"));
        assert_eq!(parameters.value("b"), None);
        assert_eq!(parameters.value("c"), Some("x y+"));
        assert!(Parameters::parse(b"a=1&a=2") == Err(InvalidParameters::Repeated));
        assert_eq!(Parameters::parse(b"resource=x&resource=y").unwrap().values("resource").count(), 2);
    }

    #[test]
    fn what_is_not_form_encoded_utf_8_is_refused() {
        assert!(Parameters::parse(b"a=%zz") == Err(InvalidParameters::Escape));
        assert!(Parameters::parse(b"a=%4") == Err(InvalidParameters::Escape));
        assert!(Parameters::parse(b"a=%ff") == Err(InvalidParameters::Text));
    }

    #[test]
    fn what_was_encoded_decodes_to_itself() {
        let encoded = encode([("a b", "ü&=+%"), ("c", "")]);
        let decoded = Parameters::parse(encoded.as_bytes()).unwrap();
        assert_eq!(decoded.pairs().collect::<Vec<_>>(), [("a b", "ü&=+%"), ("c", "")]);
    }
}
