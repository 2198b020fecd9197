//! Scopes (RFC 6749 3.3).

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest single scope, in bytes. The longest in use are URLs of about 150 bytes.
pub const MAX_SCOPE_BYTES: usize = 512;

/// Most scopes in one set. Google and Microsoft applications were seen with over a hundred.
pub const MAX_SCOPES: usize = 1000;

/// Why a text is not a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// A scope has at least one character.
    #[error("the scope is empty")]
    Empty,
    /// More than [`MAX_SCOPE_BYTES`].
    #[error("the scope is longer than {MAX_SCOPE_BYTES} bytes")]
    TooLong,
    /// More than [`MAX_SCOPES`].
    #[error("there are more than {MAX_SCOPES} scopes")]
    TooMany,
    /// Outside `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
    #[error("the scope holds a character that RFC 6749 3.3 does not allow")]
    ForbiddenCharacter,
}

/// One `scope-token`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(String);

impl Scope {
    /// Accepts 1 to [`MAX_SCOPE_BYTES`] characters of `scope-token` (RFC 6749 3.3).
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidScope> {
        let text = text.into();
        if text.is_empty() {
            return Err(InvalidScope::Empty);
        }
        if text.len() > MAX_SCOPE_BYTES {
            return Err(InvalidScope::TooLong);
        }
        if !text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
            return Err(InvalidScope::ForbiddenCharacter);
        }
        Ok(Self(text))
    }

    /// The scope as it goes over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A set of scopes: the order on the wire has no meaning (RFC 6749 3.3), here it is alphabetical. Cheap to clone: a grant
/// has several, and they hardly ever change.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeSet(Arc<BTreeSet<Scope>>);

impl ScopeSet {
    /// No scope at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses scopes separated by `separator` or spaces; some providers (Slack, GitHub, Strava) use a comma.
    /// Repeated separators are no error.
    pub fn parse(text: &str, separator: char) -> Result<Self, InvalidScope> {
        let mut scopes = BTreeSet::new();
        for part in text.split([separator, ' ']).filter(|part| !part.is_empty()) {
            scopes.insert(Scope::new(part)?);
            if scopes.len() > MAX_SCOPES {
                return Err(InvalidScope::TooMany);
            }
        }
        Ok(Self(Arc::new(scopes)))
    }

    /// The scopes joined as a provider wants them.
    pub fn joined_by(&self, separator: char) -> String {
        let length = self.0.iter().map(|scope| scope.as_str().len() + separator.len_utf8()).sum();
        let mut text = String::with_capacity(length);
        for scope in self.iter() {
            if !text.is_empty() {
                text.push(separator);
            }
            text.push_str(scope.as_str());
        }
        text
    }

    /// Every scope of both sets, as a re-authorization asks for it.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.union(&other.0).cloned().collect()
    }

    /// Whether `other` has every scope of this set.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Whether the set has this scope.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Adds a scope.
    pub fn insert(&mut self, scope: Scope) {
        Arc::make_mut(&mut self.0).insert(scope);
    }

    /// Whether there is no scope.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many scopes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The scopes in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(Arc::new(scopes.into_iter().collect()))
    }
}

impl FromStr for ScopeSet {
    type Err = InvalidScope;

    /// Parses a space-separated list.
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::parse(text, ' ')
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> ScopeSet {
        text.parse().unwrap()
    }

    #[test]
    fn order_and_repetition_have_no_meaning() {
        assert_eq!(scopes("write read  read"), scopes("read write"));
        assert_eq!(scopes("write read").to_string(), "read write");
    }

    #[test]
    fn a_provider_may_separate_by_comma() {
        let slack = ScopeSet::parse("chat:write,users:read", ',').unwrap();
        assert_eq!(slack, scopes("chat:write users:read"));
        assert_eq!(slack.joined_by(','), "chat:write,users:read");
    }

    #[test]
    fn a_scope_that_could_break_out_of_its_parameter_is_refused() {
        assert_eq!(Scope::new(""), Err(InvalidScope::Empty));
        assert_eq!(Scope::new("a\"b"), Err(InvalidScope::ForbiddenCharacter));
        assert_eq!(Scope::new("a\\b"), Err(InvalidScope::ForbiddenCharacter));
        assert_eq!(Scope::new("a\nb"), Err(InvalidScope::ForbiddenCharacter));
        assert_eq!(Scope::new("a".repeat(MAX_SCOPE_BYTES + 1)), Err(InvalidScope::TooLong));
        let many: Vec<_> = (0..=MAX_SCOPES).map(|number| number.to_string()).collect();
        assert_eq!(many.join(" ").parse::<ScopeSet>(), Err(InvalidScope::TooMany));
    }

    #[test]
    fn a_union_holds_both_and_each_is_a_subset() {
        let (left, right) = (scopes("a b"), scopes("b c"));
        let both = left.union(&right);
        assert_eq!(both, scopes("a b c"));
        assert!(left.is_subset(&both) && right.is_subset(&both) && !both.is_subset(&left));
    }

    #[test]
    fn a_set_is_stored_as_one_string() {
        let json = serde_json::to_string(&scopes("b a")).unwrap();
        assert_eq!(json, "\"a b\"");
        assert_eq!(serde_json::from_str::<ScopeSet>(&json).unwrap(), scopes("a b"));
    }
}
