//! Who may use a store through a server: namespaces, and the API keys that see them.

use std::{fmt, str::FromStr};

use evergrant_proto::{
    name::{Namespace, parse_id},
    time::Timestamp,
};

/// Names one API key. Not secret: it is what lists and logs show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyId(pub u128);

/// The SHA-256 of an API key: all that is kept of it. A plain hash, since nobody can try out 2^256 keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiKeyDigest(pub [u8; 32]);

/// What people call an API key: 1 to 100 characters, none of which a terminal would obey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName(String);

/// What an API key may do. Each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyScope {
    /// Ask for access tokens, and report those that were rejected.
    ReadToken,
    /// Everything within its namespace: clients, grants, authorizations.
    Manage,
    /// API keys and namespaces as well.
    Admin,
}

/// An API key, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// Its id.
    pub id: ApiKeyId,
    /// Its digest.
    pub digest: ApiKeyDigest,
    /// What people call it.
    pub name: KeyName,
    /// The namespace that it sees; `None`: every one.
    pub namespace: Option<Namespace>,
    /// What it may do.
    pub scope: KeyScope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was taken away.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to a minute or two.
    pub last_used_at: Option<Timestamp>,
}

/// A namespace that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceRecord {
    /// Its name.
    pub name: Namespace,
    /// When it was added; `None`: it came with the store.
    pub created_at: Option<Timestamp>,
}

/// Every key and every namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The number of the last change of any of it, but of when keys were used.
    pub version: u64,
    /// The keys, also those that have ended, the oldest first.
    pub keys: Vec<ApiKeyRecord>,
    /// The namespaces, by name.
    pub namespaces: Vec<NamespaceRecord>,
}

/// What became of a namespace that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone, and the keys that saw it alone are revoked.
    Removed,
    /// There is none of that name.
    NoSuchNamespace,
    /// Something is left in it; nothing was changed.
    InUse {
        /// Clients that are left.
        clients: u64,
        /// Grants that are left.
        grants: u64,
    },
}

/// Why a text is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccess {
    /// An id is `k_` and 32 hexadecimal digits.
    #[error("this is no id of an API key: one is \"k_\" and 32 hexadecimal digits")]
    Id,
    /// A name is 1 to 100 characters.
    #[error("a name of an API key has 1 to 100 characters, and none that a terminal would obey")]
    Name,
    /// A scope is one of three words.
    #[error("a scope of an API key is read-token, manage or admin")]
    Scope,
}

impl ApiKeyRecord {
    /// Whether it lets anybody in.
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it sees this namespace.
    pub fn sees(&self, namespace: &Namespace) -> bool {
        self.namespace.as_ref().is_none_or(|own| own == namespace)
    }
}

const ID_PREFIX: &str = "k_";

impl fmt::Display for ApiKeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{ID_PREFIX}{:032x}", self.0)
    }
}

impl FromStr for ApiKeyId {
    type Err = InvalidAccess;

    fn from_str(text: &str) -> Result<Self, InvalidAccess> {
        parse_id(text, ID_PREFIX).map(Self).map_err(|_| InvalidAccess::Id)
    }
}

impl KeyName {
    const LONGEST: usize = 100;

    /// Reads a name; white space around it is not part of it.
    pub fn new(text: &str) -> Result<Self, InvalidAccess> {
        let text = text.trim();
        let fits = (1..=Self::LONGEST).contains(&text.chars().count());
        let harmless = |letter: char| {
            !letter.is_control()
                && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        };
        if fits && text.chars().all(harmless) { Ok(Self(text.to_owned())) } else { Err(InvalidAccess::Name) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = InvalidAccess;

    fn from_str(text: &str) -> Result<Self, InvalidAccess> {
        Self::new(text)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl KeyScope {
    /// All, the smallest first.
    pub const ALL: [Self; 3] = [Self::ReadToken, Self::Manage, Self::Admin];

    /// The scope as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadToken => "read-token",
            Self::Manage => "manage",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for KeyScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for KeyScope {
    type Err = InvalidAccess;

    fn from_str(text: &str) -> Result<Self, InvalidAccess> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(InvalidAccess::Scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_scopes_survive_their_text_form_and_nothing_else_is_one() {
        let id = ApiKeyId(0xab);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "k_", "k_+0000000000000000000000000000000", "g_000000000000000000000000000000ab"] {
            assert_eq!(text.parse::<ApiKeyId>(), Err(InvalidAccess::Id), "{text}");
        }
        for scope in KeyScope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("Admin".parse::<KeyScope>().is_err());
    }

    #[test]
    fn a_scope_includes_the_ones_before_it() {
        assert!(KeyScope::Admin > KeyScope::Manage && KeyScope::Manage > KeyScope::ReadToken);
    }

    #[test]
    fn a_name_is_short_and_obeyed_by_no_terminal() {
        assert_eq!(KeyName::new(" billing ").unwrap().as_str(), "billing");
        for text in ["", "  ", "a\nb", "a\u{1b}[2J", "\u{202e}a", &"a".repeat(101)] {
            assert_eq!(KeyName::new(text), Err(InvalidAccess::Name), "{text:?}");
        }
    }
}
