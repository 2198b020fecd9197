//! What a request says beside its body.

use serde_json::{Map, Value, json};

use super::schema::Schema;

/// One parameter.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) words: &'static str,
    pub(super) schema: Schema,
    example: Option<Value>,
    required: bool,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

impl Place {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

impl Parameter {
    pub(super) fn new(place: Place, name: &'static str, schema: Schema, words: &'static str) -> Self {
        Self { name, place, words, schema, example: None, required: place == Place::Path }
    }

    /// It is never missing.
    pub(super) fn always(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) fn like(self, example: impl Into<Value>) -> Self {
        Self { example: Some(example.into()), ..self }
    }
}

impl From<&Parameter> for Value {
    fn from(parameter: &Parameter) -> Self {
        let Parameter { name, place, words, schema, example, required } = parameter;
        let mut json = Map::from_iter([
            ("name".to_owned(), json!(name)),
            ("in".to_owned(), json!(place.as_str())),
            ("description".to_owned(), json!(words)),
            ("schema".to_owned(), schema.clone().into()),
        ]);
        if *required {
            json.insert("required".to_owned(), json!(true));
        }
        if let Some(example) = example {
            json.insert("example".to_owned(), example.clone());
        }
        json.into()
    }
}
