//! Labels of grants.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

/// Most labels of one grant.
const MAX_LABELS: usize = 32;

/// Longest key, in bytes.
const MAX_KEY_BYTES: usize = 64;

/// Longest value, in bytes; also of an external id.
pub(crate) const MAX_VALUE_BYTES: usize = 256;

/// Labels: a caller's own words, bounded, each key once. A key has no `:`, which separates it from its value in a
/// query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels(pub(crate) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LabelsVisitor)
    }
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = Labels;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
        let mut labels = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if key.is_empty() || key.len() > MAX_KEY_BYTES || key.contains(':') {
                return Err(A::Error::custom(format_args!(
                    "a label's key has 1 to {MAX_KEY_BYTES} bytes and no ':'"
                )));
            }
            if value.len() > MAX_VALUE_BYTES {
                return Err(A::Error::custom(format_args!(
                    "a label's value has at most {MAX_VALUE_BYTES} bytes"
                )));
            }
            if labels.insert(key, value).is_some() {
                return Err(A::Error::custom("a label is given twice"));
            }
            if labels.len() > MAX_LABELS {
                return Err(A::Error::custom(format_args!("there are at most {MAX_LABELS} labels")));
            }
        }
        Ok(Labels(labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded_and_each_given_once() {
        let labels: Labels = serde_json::from_str(r#"{"team":"blue","env":"prod"}"#).unwrap();
        assert_eq!(labels.0.len(), 2);
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_VALUE_BYTES + 1));
        let many: Vec<_> = (0..=MAX_LABELS).map(|number| format!("\"{number}\":\"\"")).collect();
        let many = format!("{{{}}}", many.join(","));
        for text in
            [r#"{"a":"1","a":"2"}"#, r#"{"":"1"}"#, r#"{"a:b":"1"}"#, r#"{"a":1}"#, "[]", &long, &many]
        {
            assert!(serde_json::from_str::<Labels>(text).is_err(), "{text:.40}");
        }
    }
}
