//! How much of an entry is known, and whence.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where the facts of an entry come from. For people: nothing is decided by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Knowledge {
    /// How the facts were come by.
    pub verification: Verification,
    /// How much they are worth. An entry below [`Confidence::ENOUGH`] states addresses and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Documents, source code (`owner/repository:path`) and issues (`owner/repository#number`).
    pub sources: Vec<String>,
    /// What somebody who connects to this provider should know and no field says.
    pub notes: Vec<String>,
}

/// How facts were come by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// Played against the real server in our own tests.
    Rehearsed,
    /// Stated by the provider's documents, its source code, or people who met it.
    Documented,
    /// Nobody stands for it.
    #[default]
    Unverified,
}

/// Between 0 and 1, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confidence(u8);

impl Confidence {
    /// Below it, only addresses are stated.
    pub const ENOUGH: Self = Self(50);

    /// In hundredths.
    pub fn percent(self) -> u8 {
        self.0
    }
}

impl Serialize for Confidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 100.0)
    }
}

impl<'de> Deserialize<'de> for Confidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let share = f64::deserialize(deserializer)?;
        if !(0.0..=1.0).contains(&share) {
            return Err(serde::de::Error::custom("a confidence is between 0.0 and 1.0"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
        Ok(Self((share * 100.0).round() as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_is_a_share() {
        let read = |text: &str| serde_json::from_str::<Confidence>(text);
        assert_eq!(read("0.29").unwrap().percent(), 29);
        assert_eq!(serde_json::to_string(&read("0.85").unwrap()).unwrap(), "0.85");
        assert!(read("1.01").is_err() && read("-0.1").is_err());
        assert!(read("0.45").unwrap() < Confidence::ENOUGH);
    }
}
