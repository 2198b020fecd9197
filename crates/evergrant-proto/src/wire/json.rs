//! JSON as providers send it: bounded, wiped, and readable as far as it goes.
//!
//! Bodies hold tokens, and a success that cannot be parsed to its end may hold the only copy of one. So members
//! are kept as they are read, and an answer that is cut off still yields those before the cut.
//!
//! Every text is wiped when it is dropped. What this module cannot wipe is the parser's own buffer for texts with
//! escapes; tokens have none.

use std::{collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// Largest body that is parsed, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Deepest nesting that is parsed.
const MAX_DEPTH: usize = 32;

/// A JSON value whose texts are wiped.
#[derive(Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(Zeroizing<String>),
    Array(Vec<Json>),
    Object(Object),
}

/// Members in order, repeated ones repeatedly.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Object(pub(super) Vec<(String, Json)>);

/// How much of a body was readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// The object, and something behind it.
    TrailingData,
    /// Only what stands before a defect: members may be missing.
    Truncated,
}

impl Object {
    /// The last member of this name; `null` is absent (RFC 6749 3.2 in the spirit of JSON).
    pub(super) fn value(&self, name: &str) -> Option<&Json> {
        let found = self.0.iter().rev().find(|(member, _)| member == name).map(|(_, value)| value);
        found.filter(|value| **value != Json::Null)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Json::as_text)
    }

    pub(super) fn object(&self, name: &str) -> Option<&Object> {
        self.value(name).and_then(Json::as_object)
    }

    /// The object at a dotted path (`authed_user`, `data.token`).
    pub(super) fn at_path(&self, path: &str) -> Option<&Object> {
        path.split('.').try_fold(self, |object, name| object.object(name))
    }

    /// Names that appear more than once.
    pub(super) fn repeated(&self) -> impl Iterator<Item = &str> {
        let mut seen = HashSet::new();
        self.0.iter().map(|(name, _)| name.as_str()).filter(move |name| !seen.insert(*name))
    }
}

impl Json {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    pub(super) fn as_array(&self) -> Option<&[Json]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Numbers and texts, as a text.
    pub(super) fn to_label(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.to_string()),
            Self::Integer(number) => Some(number.to_string()),
            Self::Float(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// Reads a JSON object. `None` if the body does not begin with one.
pub(super) fn parse_object(body: &str) -> Option<(Object, Extent)> {
    if body.len() > MAX_BODY_BYTES {
        return None;
    }
    let is_complete = |read: &(Object, Extent)| read.1 != Extent::Truncated;
    let read = read_object(body);
    if read.as_ref().is_some_and(is_complete) {
        return read;
    }
    // What a number is of no use for must not cost the tokens behind it.
    read_object(&without_odd_numbers(body)).filter(is_complete).or(read)
}

/// The text with `null` in place of what stands where a number can and is none, or none that is finite: `NaN` and
/// `Infinity`, as Python writes them, and `1e309`.
fn without_odd_numbers(body: &str) -> Zeroizing<String> {
    // Room for the worst case: a buffer that grows leaves copies of the tokens behind.
    let mut mended = Zeroizing::new(String::with_capacity(4 * body.len()));
    let (mut rest, mut is_text) = (body, false);
    while let Some(first) = rest.chars().next() {
        let is_number = |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
        let length = match first {
            '\\' if is_text => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ if is_text || !is_number(first) => first.len_utf8(),
            _ => rest.find(|character| !is_number(character)).unwrap_or(rest.len()),
        };
        is_text ^= first == '"';
        let (piece, tail) = rest.split_at(length);
        let is_odd = !is_text
            && is_number(first)
            && !matches!(piece, "true" | "false" | "null")
            && serde_json::from_str::<f64>(piece).is_err();
        mended.push_str(if is_odd { "null" } else { piece });
        rest = tail;
    }
    mended
}

fn read_object(body: &str) -> Option<(Object, Extent)> {
    let mut members = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let read = deserializer.deserialize_map(MembersInto { members: &mut members, depth: 0 });
    let extent = match (read, deserializer.end()) {
        (Ok(()), Ok(())) => Extent::Whole,
        (Ok(()), Err(_)) => Extent::TrailingData,
        (Err(_), _) if members.is_empty() => return None,
        (Err(_), _) => {
            // A number at the cut may have lost digits; every other value is closed by its own end.
            members.pop_if(|(_, value)| matches!(value, Json::Integer(_) | Json::Float(_)));
            Extent::Truncated
        }
    };
    Some((Object(members), extent))
}

/// Collects the members of an object into a place that outlives an error.
struct MembersInto<'a> {
    members: &'a mut Vec<(String, Json)>,
    depth: usize,
}

impl<'de> Visitor<'de> for MembersInto<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(ValueAt { depth: self.depth + 1 })?;
            self.members.push((name, value));
        }
        Ok(())
    }
}

/// Reads one value at a depth.
struct ValueAt {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ValueAt {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        if self.depth > MAX_DEPTH {
            return Err(D::Error::custom("nested too deeply"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueAt {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(Zeroizing::new(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(ValueAt { depth: self.depth + 1 })? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        MembersInto { members: &mut members, depth: self.depth }.visit_map(map)?;
        Ok(Json::Object(Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_before_a_cut_are_kept() {
        let (object, extent) = parse_object(r#"{"a":"1","b":{"c":2},"d":"unfin"#).unwrap();
        assert_eq!(extent, Extent::Truncated);
        assert_eq!(object.text("a"), Some("1"));
        assert!(object.object("b").is_some() && object.value("d").is_none());
    }

    #[test]
    fn a_number_at_the_cut_is_not_believed() {
        let (object, _) = parse_object(r#"{"a":"1","expires_in":36"#).unwrap();
        assert!(object.text("a").is_some() && object.value("expires_in").is_none());
    }

    #[test]
    fn a_number_that_is_none_costs_nothing_behind_it() {
        for odd in ["NaN", "-Infinity", "1e309", "-", "0x10"] {
            let body = format!(r#"{{"a":"NaN \\\" 1e309","b":{odd},"c":[{odd},3],"d":"1"}}"#);
            let (object, extent) = parse_object(&body).unwrap();
            assert_eq!((object.text("a"), object.text("d")), (Some("NaN \\\" 1e309"), Some("1")), "{odd}");
            assert!(object.value("b").is_none() && extent == Extent::Whole, "{odd}");
        }
    }

    #[test]
    fn the_last_of_repeated_members_counts_and_the_repetition_is_seen() {
        let (object, extent) = parse_object(r#"{"a":"1","a":"2"} x"#).unwrap();
        assert_eq!(extent, Extent::TrailingData);
        assert_eq!(object.text("a"), Some("2"));
        assert_eq!(object.repeated().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn what_is_no_object_is_nothing() {
        for body in ["", "null", "[]", "\"a\"", "<html>", "a=b", "{", "{]"] {
            assert!(parse_object(body).is_none(), "{body}");
        }
    }

    #[test]
    fn a_bomb_of_brackets_is_cut_off() {
        let (object, extent) = parse_object(&format!(r#"{{"a":"1","b":{}"#, "[".repeat(100_000))).unwrap();
        assert_eq!((object.text("a"), extent), (Some("1"), Extent::Truncated));
    }
}
