//! Scopes, as a JSON array.

use evergrant::proto::scope::{Scope, ScopeSet};
use serde::{Deserialize, Deserializer, de::Error};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scopes(pub(crate) ScopeSet);

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scopes = Vec::<String>::deserialize(deserializer)?;
        let scopes =
            scopes.into_iter().map(Scope::new).collect::<Result<_, _>>().map_err(D::Error::custom)?;
        Ok(Self(scopes))
    }
}
