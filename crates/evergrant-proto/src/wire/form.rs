//! `application/x-www-form-urlencoded` (RFC 6749 appendix B).

use std::{collections::BTreeMap, fmt};

use zeroize::Zeroizing;

/// Largest form that is parsed, in bytes: room for two tokens of the largest size and their company.
pub const MAX_FORM_BYTES: usize = 256 * 1024;

/// Most parameters of one form.
pub const MAX_PARAMETERS: usize = 128;

/// Why bytes are not a form of OAuth.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidForm {
    /// More than [`MAX_FORM_BYTES`].
    #[error("the form is larger than {MAX_FORM_BYTES} bytes")]
    TooLarge,
    /// More than [`MAX_PARAMETERS`].
    #[error("the form has more than {MAX_PARAMETERS} parameters")]
    TooManyParameters,
    /// A name or value is not UTF-8 after decoding.
    #[error("the form is not UTF-8")]
    NotUtf8,
    /// A parameter appears twice (RFC 6749 3.2): nobody can know which one is meant.
    #[error("the parameter {0:?} is repeated")]
    Repeated(String),
}

/// Names and values in order. Values may be secret: they are masked in `Debug` and wiped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// A form without parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a parameter; an empty value is left out, because it means the same (RFC 6749 3.2).
    pub fn push(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.0.push((name.to_owned(), Zeroizing::new(value.to_owned())));
        }
    }

    /// Appends a parameter unless one of this name is there.
    pub fn push_new(&mut self, name: &str, value: &str) {
        if self.value(name).is_none() {
            self.push(name, value);
        }
    }

    /// Gives parameters the names that a provider has for them.
    pub fn rename(&mut self, names: &BTreeMap<String, String>) {
        for (name, _) in &mut self.0 {
            if let Some(theirs) = names.get(name) {
                name.clone_from(theirs);
            }
        }
    }

    /// The value of a parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// Every name with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The encoded form.
    pub fn encode(&self) -> Zeroizing<String> {
        // Reserved at once: a string that grows leaves copies of the secrets behind.
        let bytes: usize = self.0.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
        let mut encoded = Zeroizing::new(String::with_capacity(bytes));
        for (name, value) in &self.0 {
            if !encoded.is_empty() {
                encoded.push('&');
            }
            encode_into(&mut encoded, name);
            encoded.push('=');
            encode_into(&mut encoded, value);
        }
        encoded
    }

    /// Parses a form in which every parameter may appear once. Parameters without a value are left out.
    pub fn parse(encoded: &[u8]) -> Result<Self, InvalidForm> {
        let parameters = parse_pairs(encoded)?;
        for (index, (name, _)) in parameters.iter().enumerate() {
            if parameters[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(InvalidForm::Repeated(name.chars().take(64).collect()));
            }
        }
        Ok(Self(parameters))
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Form-encodes one text, as RFC 6749 2.3.1 asks for client credentials.
pub(crate) fn encode_text(text: &str) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(String::with_capacity(3 * text.len()));
    encode_into(&mut encoded, text);
    encoded
}

fn encode_into(encoded: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => encoded.push(byte.into()),
            b' ' => encoded.push('+'),
            _ => {
                encoded.push('%');
                encoded.push(hex_digit(byte >> 4));
                encoded.push(hex_digit(byte & 15));
            }
        }
    }
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16).expect("a nibble is below 16").to_ascii_uppercase()
}

/// Every parameter that has a value, repeated ones repeatedly.
pub(super) fn parse_pairs(encoded: &[u8]) -> Result<Vec<(String, Zeroizing<String>)>, InvalidForm> {
    if encoded.len() > MAX_FORM_BYTES {
        return Err(InvalidForm::TooLarge);
    }
    let mut pairs = Vec::new();
    for (count, pair) in encoded.split(|byte| *byte == b'&').enumerate() {
        if count == MAX_PARAMETERS {
            return Err(InvalidForm::TooManyParameters);
        }
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(parts.next().unwrap_or_default())?;
        let value = decode(parts.next().unwrap_or_default())?;
        if !name.is_empty() && !value.is_empty() {
            pairs.push((name.to_string(), value));
        }
    }
    Ok(pairs)
}

/// Decodes `+` and `%XX`; a percent sign that starts no such sequence stands for itself, as in browsers.
fn decode(encoded: &[u8]) -> Result<Zeroizing<String>, InvalidForm> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(encoded.len()));
    let mut rest = encoded;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(nibble(*high) << 4 | nibble(*low));
                rest = after;
            }
            _ => decoded.push(byte),
        }
    }
    let text = std::str::from_utf8(&decoded).map_err(|_| InvalidForm::NotUtf8)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.to_ascii_uppercase() - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_rfc_6749_appendix_b_encodes_as_printed() {
        assert_eq!(*encode_text(" %&+£€"), "+%25%26%2B%C2%A3%E2%82%AC");
    }

    #[test]
    fn an_empty_parameter_is_absent_and_a_repeated_one_is_an_error() {
        let form = Form::parse(b"code=&code=x&state").unwrap();
        assert_eq!(form.iter().collect::<Vec<_>>(), [("code", "x")]);
        assert_eq!(Form::parse(b"a=1&a=2"), Err(InvalidForm::Repeated("a".into())));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(Form::parse(b"a=%ff"), Err(InvalidForm::NotUtf8));
        assert_eq!(Form::parse(b"a=\xc3"), Err(InvalidForm::NotUtf8));
    }

    #[test]
    fn size_and_number_are_bounded() {
        assert_eq!(Form::parse(&vec![b'a'; MAX_FORM_BYTES + 1]), Err(InvalidForm::TooLarge));
        assert_eq!(Form::parse(&[b'&'; MAX_PARAMETERS]), Err(InvalidForm::TooManyParameters));
    }

    #[test]
    fn a_stray_percent_sign_stands_for_itself() {
        let form = Form::parse(b"a=100%&b=%zz&c=%4").unwrap();
        assert_eq!(
            (form.value("a"), form.value("b"), form.value("c")),
            (Some("100%"), Some("%zz"), Some("%4"))
        );
    }

    #[test]
    fn values_are_masked_in_debug_output() {
        let mut form = Form::new();
        form.push("refresh_token", "rt-canary");
        assert_eq!(format!("{form:?}"), r#"["refresh_token"]"#);
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_comes_back(value in "\\PC{1,40}") {
            let mut form = Form::new();
            form.push("name", &value);
            let parsed = Form::parse(form.encode().as_bytes()).unwrap();
            prop_assert_eq!(parsed.value("name"), Some(value.as_str()));
        }

        #[test]
        fn parsing_arbitrary_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::parse(&bytes);
        }
    }
}
