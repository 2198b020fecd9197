//! Names of things: parsed once, then passed around as types.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// Why a text is not a name or an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// A name is 1 to 64 characters of `a-z`, `0-9`, `-`, `_` and `.`, and begins with a letter or digit.
    #[error(
        "{0:?} is not a name: use 1 to 64 characters of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit"
    )]
    NotAName(String),
    /// An id is its prefix and 32 hexadecimal digits.
    #[error("{given:?} is not an id: expected {prefix:?} and 32 hexadecimal digits")]
    NotAnId {
        /// What was given, cut to 80 characters.
        given: String,
        /// The prefix of ids of this kind.
        prefix: &'static str,
    },
}

/// The tenant boundary: every client, grant, key and event belongs to one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(Arc<str>);

/// Our own name of a client registration, unique in its namespace (`google`, `crm-eu`). Not the provider's `client_id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientName(Arc<str>);

impl Namespace {
    /// Parses a name of 1 to 64 characters.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        parse_name(text).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self(Arc::from("default"))
    }
}

impl ClientName {
    /// Parses a name of 1 to 64 characters.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        parse_name(text).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Namespace {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(&text)
    }
}

impl From<Namespace> for String {
    fn from(name: Namespace) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl TryFrom<String> for ClientName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(&text)
    }
}

impl From<ClientName> for String {
    fn from(name: ClientName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn parse_name(text: &str) -> Result<Arc<str>, InvalidName> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let starts_well =
        text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if starts_well && text.len() <= 64 && text.bytes().all(inner) {
        Ok(Arc::from(text))
    } else {
        Err(InvalidName::NotAName(text.chars().take(80).collect()))
    }
}

/// Names one grant for its whole life, also across re-authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GrantId(pub u128);

impl GrantId {
    /// A draw made once for this grant, so that what many grants do by the clock is spread.
    pub fn draw(self) -> u16 {
        // Ids are random: any bits of it are.
        let [.., high, low] = self.0.to_be_bytes();
        u16::from_be_bytes([high, low])
    }
}

/// Names one attempt: a request that spends a refresh token or a code. Made before the request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttemptId(pub u128);

/// Names one process that has the store open. A new one at every start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HolderId(pub u128);

/// Names one authorization: a link that leads a resource owner through the provider. Not secret; its `state` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthorizationId(pub u128);

impl GrantId {
    const PREFIX: &'static str = "g_";
}

impl fmt::Display for GrantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_id(formatter, Self::PREFIX, self.0)
    }
}

impl FromStr for GrantId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse_id(text, Self::PREFIX).map(Self)
    }
}

impl TryFrom<String> for GrantId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<GrantId> for String {
    fn from(id: GrantId) -> Self {
        id.to_string()
    }
}

impl AttemptId {
    const PREFIX: &'static str = "t_";
}

impl fmt::Display for AttemptId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_id(formatter, Self::PREFIX, self.0)
    }
}

impl FromStr for AttemptId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse_id(text, Self::PREFIX).map(Self)
    }
}

impl TryFrom<String> for AttemptId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<AttemptId> for String {
    fn from(id: AttemptId) -> Self {
        id.to_string()
    }
}

impl HolderId {
    const PREFIX: &'static str = "h_";
}

impl fmt::Display for HolderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_id(formatter, Self::PREFIX, self.0)
    }
}

impl FromStr for HolderId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse_id(text, Self::PREFIX).map(Self)
    }
}

impl TryFrom<String> for HolderId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<HolderId> for String {
    fn from(id: HolderId) -> Self {
        id.to_string()
    }
}

impl AuthorizationId {
    const PREFIX: &'static str = "a_";
}

impl fmt::Display for AuthorizationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_id(formatter, Self::PREFIX, self.0)
    }
}

impl FromStr for AuthorizationId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        parse_id(text, Self::PREFIX).map(Self)
    }
}

impl TryFrom<String> for AuthorizationId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<AuthorizationId> for String {
    fn from(id: AuthorizationId) -> Self {
        id.to_string()
    }
}

/// Ids stand many times in every record and log line: without the machinery of formatting they cost a fraction.
fn print_id(formatter: &mut fmt::Formatter<'_>, prefix: &str, number: u128) -> fmt::Result {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    formatter.write_str(prefix)?;
    formatter.write_str(str::from_utf8(&digits).expect("hexadecimal digits are ASCII"))
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Reads what is printed as its prefix and 32 hexadecimal digits.
///
/// # Errors
///
/// If it is anything else; a sign, which `from_str_radix` alone would take, too.
pub fn parse_id(text: &str, prefix: &'static str) -> Result<u128, InvalidName> {
    text.strip_prefix(prefix)
        .filter(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|digits| {
            // In halves: arithmetic with 128 bits takes several times as long, and ids are read with every request.
            let half = |digits| u64::from_str_radix(digits, 16).ok();
            let (high, low) = digits.split_at(16);
            Some(u128::from(half(high)?) << 64 | u128::from(half(low)?))
        })
        .ok_or_else(|| InvalidName::NotAnId { given: text.chars().take(80).collect(), prefix })
}

/// Counts the changes of a grant's credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The generation after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Counts the leases taken on a grant: a holder whose fence is no longer the newest has lost its right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub u64);

impl Fence {
    /// The fence of the next lease.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = GrantId(0x0123_4567_89ab_cdef);
        assert_eq!(id.to_string(), "g_00000000000000000123456789abcdef");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        assert!("a_00000000000000000123456789abcdef".parse::<GrantId>().is_err());
        assert!("g_+0000000000000000123456789abcdef".parse::<GrantId>().is_err());
        assert!("g_0123".parse::<GrantId>().is_err());
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!(ClientName::new("crm-eu.v2").is_ok());
        for bad in ["", "-a", "A", "a b", "a/b", "ü", &"a".repeat(65)] {
            assert!(ClientName::new(bad).is_err(), "{bad}");
        }
    }
}
