//! JSON Schemas (2020-12), as OpenAPI 3.1 takes them.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::names;

/// One schema. Members keep the order in which they were given, for people who read them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Schema {
    keywords: Map<String, Value>,
    /// Of an object.
    pub(super) members: Vec<Member>,
    /// Of a list: what is in it.
    pub(super) items: Option<Box<Schema>>,
    /// The schema of the document that this one stands for.
    pub(super) name: Option<&'static str>,
    /// Whether it can be `null` instead.
    pub(super) nullable: bool,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) schema: Schema,
    pub(super) always: bool,
    pub(super) words: &'static str,
}

/// Text.
pub(super) fn text() -> Schema {
    Schema::of("string")
}

/// `true` or `false`.
pub(super) fn flag() -> Schema {
    Schema::of("boolean")
}

/// A whole number that is not negative.
pub(super) fn count() -> Schema {
    Schema::of("integer").with("minimum", 0)
}

/// A number.
pub(super) fn number() -> Schema {
    Schema::of("number")
}

/// A time of RFC 3339, in UTC.
pub(super) fn time() -> Schema {
    text().with("format", "date-time")
}

/// An absolute address.
pub(super) fn address() -> Schema {
    text().with("format", "uri")
}

/// A time of RFC 3339, or seconds since 1970: as people have it, and not as it goes out.
pub(super) fn any_time() -> Schema {
    time().with("type", json!(["string", "number"])).with("minimum", 0).with("exclusiveMaximum", 1e11)
}

/// An identifier of others: a text, or a whole number as databases have them.
pub(super) fn any_id() -> Schema {
    text()
        .with("type", json!(["string", "integer"]))
        .with("minimum", i64::MIN)
        .with("maximum", u64::MAX)
        .long(1, 256)
}

/// A text of a pattern.
pub(super) fn pattern(pattern: &str) -> Schema {
    text().with("pattern", pattern)
}

/// A prefix and 32 hexadecimal digits.
pub(super) fn id(prefix: &str) -> Schema {
    pattern(&format!("^{prefix}[0-9a-f]{{32}}$"))
}

/// A name of ours: of a client or of a namespace.
pub(super) fn name() -> Schema {
    pattern("^[a-z0-9][a-z0-9._-]{0,63}$")
}

/// One of these words.
pub(super) fn one_of<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Schema {
    let words: Vec<_> = words.into_iter().map(|word| word.as_ref().to_owned()).collect();
    text().with("enum", words)
}

/// One of the names of an enumeration, which serde is asked for.
pub(super) fn names_of<T: DeserializeOwned>() -> Schema {
    one_of(names::of::<T>())
}

/// One of these, as they are written; for what serde only writes.
pub(super) fn written<T: Serialize>(values: impl IntoIterator<Item = T>) -> Schema {
    let values = values.into_iter().map(|value| serde_json::to_value(value).expect("a name is plain data"));
    text().with("enum", values.collect::<Vec<_>>())
}

/// A list of these.
pub(super) fn list(of: Schema) -> Schema {
    Schema { items: Some(Box::new(of)), ..Schema::of("array") }
}

/// An object whose members have names that nobody fixed, and values of this kind.
pub(super) fn map(of: Schema) -> Schema {
    Schema::of("object").with("additionalProperties", of)
}

/// A schema of the document, by its name.
pub(super) fn named(name: &'static str) -> Schema {
    Schema { name: Some(name), ..Schema::default() }
}

/// One of these schemas of the document.
pub(super) fn any_of<const N: usize>(names: [&'static str; N]) -> Schema {
    Schema::default().with("anyOf", names.map(|name| Value::from(named(name))).to_vec())
}

/// An object, to be given its members.
pub(super) fn object() -> Schema {
    Schema::of("object")
}

impl Schema {
    fn of(kind: &str) -> Self {
        Self::default().with("type", kind)
    }

    /// With one more keyword.
    pub(super) fn with(mut self, keyword: &str, value: impl Into<Value>) -> Self {
        self.keywords.insert(keyword.to_owned(), value.into());
        self
    }

    /// What a keyword says.
    pub(super) fn says(&self, keyword: &str) -> Option<&Value> {
        self.keywords.get(keyword)
    }

    /// In words.
    pub(super) fn meaning(self, words: &str) -> Self {
        self.with("description", words)
    }

    /// So many characters or items at least and at most.
    pub(super) fn long(self, least: u64, most: u64) -> Self {
        let (minimum, maximum) =
            if self.items.is_some() { ("minItems", "maxItems") } else { ("minLength", "maxLength") };
        self.with(minimum, least).with(maximum, most)
    }

    /// At most this number.
    pub(super) fn up_to(self, most: u64) -> Self {
        self.with("maximum", most)
    }

    /// What it is if nothing is said.
    pub(super) fn usually(self, value: impl Into<Value>) -> Self {
        self.with("default", value)
    }

    /// A secret that comes in, and goes out nowhere.
    pub(super) fn secret(self) -> Self {
        self.with("format", "password").with("writeOnly", true)
    }

    /// A secret that goes out, in this answer alone.
    pub(super) fn shown_once(self) -> Self {
        self.with("format", "password").with("readOnly", true)
    }

    /// Or `null`.
    pub(super) fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// With a member that is always there.
    pub(super) fn always(mut self, name: &'static str, schema: Schema, words: &'static str) -> Self {
        self.members.push(Member { name, schema, always: true, words });
        self
    }

    /// With a member that can be missing.
    pub(super) fn maybe(mut self, name: &'static str, schema: Schema, words: &'static str) -> Self {
        self.members.push(Member { name, schema, always: false, words });
        self
    }

    /// With the members of another object.
    pub(super) fn and(mut self, other: Schema) -> Self {
        self.members.extend(other.members);
        self
    }

    /// Without members that are not named here: what comes in is refused if it has one.
    pub(super) fn closed(self) -> Self {
        self.with("additionalProperties", false)
    }

    /// Of two members at most one that is not `null`.
    pub(super) fn not_both(self, one: &str, other: &str) -> Self {
        let both =
            json!({ "not": { "required": [one, other], "properties": { one: given(), other: given() } } });
        self.also(both)
    }

    /// Of two members exactly one that is not `null`.
    pub(super) fn one_of_both(self, one: &str, other: &str) -> Self {
        let only = |one: &str, other: &str| json!({ "required": [one], "properties": { one: given(), other: { "type": "null" } } });
        self.also(json!({ "oneOf": [only(one, other), only(other, one)] }))
    }

    fn also(mut self, condition: Value) -> Self {
        let conditions = self.keywords.entry("allOf").or_insert_with(|| json!([]));
        conditions.as_array_mut().expect("only this writes it").push(condition);
        self
    }

    fn keywords(self) -> Map<String, Value> {
        let mut json = self.keywords;
        if let Some(name) = self.name {
            json.insert("$ref".to_owned(), json!(format!("#/components/schemas/{name}")));
        }
        if let Some(items) = self.items {
            json.insert("items".to_owned(), (*items).into());
        }
        let required: Vec<_> =
            self.members.iter().filter(|member| member.always).map(|member| member.name).collect();
        if !required.is_empty() {
            json.insert("required".to_owned(), json!(required));
        }
        if !self.members.is_empty() {
            let member =
                |Member { name, schema, words, .. }| (name.to_owned(), Value::from(schema.meaning(words)));
            json.insert("properties".to_owned(), self.members.into_iter().map(member).collect());
        }
        json
    }
}

fn given() -> Value {
    json!({ "not": { "type": "null" } })
}

impl From<Schema> for Value {
    fn from(schema: Schema) -> Self {
        let (nullable, is_reference) = (schema.nullable, schema.name.is_some());
        let mut json = schema.keywords();
        if nullable && is_reference {
            let words = json.remove("description");
            json = Map::from_iter([("anyOf".to_owned(), json!([json, { "type": "null" }]))]);
            json.extend(words.map(|words| ("description".to_owned(), words)));
        } else if nullable {
            let kinds = match json.remove("type") {
                Some(Value::Array(kinds)) => kinds,
                kind => kind.into_iter().collect(),
            };
            json.insert("type".to_owned(), kinds.into_iter().chain([json!("null")]).collect());
            if let Some(Value::Array(words)) = json.get_mut("enum") {
                words.push(Value::Null);
            }
        }
        Self::Object(json)
    }
}
