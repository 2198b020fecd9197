//! Keys from an environment variable, for hosts that bring secrets this way.

use std::{env, ffi::OsStr};

use super::{KeyRing, MasterKey, text};

/// The variable: one or more keys of 32 bytes in Base64, separated by commas; the first seals, all open.
pub const VARIABLE: &str = "EVERGRANT_KEY";

/// Why the variable gave no keys. The value is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyVariableError {
    /// It is set but empty.
    #[error("{VARIABLE} is empty; unset it, or set it to the output of: openssl rand -base64 32")]
    Empty,
    /// One of its keys is not 32 bytes in Base64; they count from 1.
    #[error("key {0} in {VARIABLE} is not 32 bytes in Base64; make one with: openssl rand -base64 32")]
    Malformed(usize),
}

/// Reads [`VARIABLE`]; `None` if it is not set.
pub fn load() -> Result<Option<KeyRing>, KeyVariableError> {
    env::var_os(VARIABLE).map(|value| parse(&value)).transpose()
}

/// Reads keys as they stand in [`VARIABLE`].
pub fn parse(value: &OsStr) -> Result<KeyRing, KeyVariableError> {
    let value = value.to_str().ok_or(KeyVariableError::Malformed(1))?.trim();
    if value.is_empty() {
        return Err(KeyVariableError::Empty);
    }
    let keys = value.split(',').enumerate().map(|(index, key)| {
        let secret = text::decode(key.trim()).ok_or(KeyVariableError::Malformed(index + 1))?;
        Ok(MasterKey::from_secret(secret, None))
    });
    let mut keys = keys.collect::<Result<Vec<_>, _>>()?.into_iter();
    let primary = keys.next().ok_or(KeyVariableError::Empty)?;
    Ok(KeyRing::new(primary, keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KEY_BYTES, text::encode};

    #[test]
    fn the_first_of_several_keys_seals() {
        let (first, second) = (encode(&[1; KEY_BYTES]), encode(&[2; KEY_BYTES]));
        let ring = parse(OsStr::new(&format!("{}, {}\n", *first, *second))).unwrap();
        assert_eq!(ring.primary().expose(), &[1; KEY_BYTES]);
        assert_eq!(ring.status().len(), 2);
    }

    #[test]
    fn a_value_that_is_no_key_is_refused_without_repeating_it() {
        assert_eq!(parse(OsStr::new(" ")).unwrap_err(), KeyVariableError::Empty);
        let short = BASE64_CANARY;
        let error = parse(OsStr::new(short)).unwrap_err();
        assert_eq!(error, KeyVariableError::Malformed(1));
        assert!(!error.to_string().contains(short));
        let good = encode(&[1; KEY_BYTES]);
        assert_eq!(parse(OsStr::new(&format!("{},", *good))).unwrap_err(), KeyVariableError::Malformed(2));
    }

    const BASE64_CANARY: &str = "Y2FuYXJ5";
}
