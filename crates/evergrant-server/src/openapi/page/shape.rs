//! Schemas in words.

use evergrant_explain::problems::sentence_to_html;
use serde_json::Value;

use crate::openapi::{
    parameter::{Parameter, Place},
    schema::Schema,
};

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    /// What stands before the link.
    pub(super) words: String,
    /// The schema that has a name.
    pub(super) name: Option<String>,
    /// What it can be, if that is a list of words.
    pub(super) choice: Vec<String>,
    /// Whether it can be `null`.
    pub(super) nullable: bool,
}

/// A member, or a parameter.
#[derive(Debug)]
pub(super) struct Row {
    /// How many objects it is in.
    pub(super) depth: usize,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) note: &'static str,
    pub(super) words: String,
}

impl Kind {
    pub(super) fn of(schema: &Schema) -> Self {
        if let Some(items) = &schema.items {
            let Self { words, name, choice, .. } = Self::of(items);
            return Self { words: format!("list of {words}"), name, choice, nullable: schema.nullable };
        }
        if let Some(line) = schema.says("x-itemSchema") {
            let name = line["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
            return Self {
                words: "lines of ".to_owned(),
                name: name.map(str::to_owned),
                choice: Vec::new(),
                nullable: false,
            };
        }
        let choice =
            schema.says("enum").and_then(Value::as_array).map(|words| words.iter().map(bare).collect());
        Self {
            words: if schema.name.is_some() { String::new() } else { words(schema) },
            name: schema.name.map(str::to_owned),
            choice: choice.unwrap_or_default(),
            nullable: schema.nullable,
        }
    }
}

fn words(schema: &Schema) -> String {
    let says = |keyword| schema.says(keyword).and_then(Value::as_str);
    let kind = match (says("type"), says("format")) {
        (Some("string"), Some("date-time")) => "time",
        (Some("string"), Some("uri")) => "address",
        (Some("string"), Some("password")) => "secret",
        (Some("string"), _) => "text",
        (Some("integer"), _) => "whole number",
        (Some("number"), _) => "number",
        (Some("boolean"), _) => "true or false",
        _ => "object",
    };
    let bound =
        |keyword| schema.says(keyword).and_then(Value::as_u64).filter(|bound| *bound < u64::from(u32::MAX));
    let mut words = kind.to_owned();
    if let Some(most) = bound("maximum") {
        words = format!("{words} up to {most}");
    }
    if let Some(default) = schema.says("default") {
        words = format!("{words}, {} by default", bare(default));
    }
    words
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Row {
    pub(super) fn of_parameter(parameter: &Parameter) -> Self {
        Self {
            depth: 0,
            name: parameter.name,
            kind: Kind::of(&parameter.schema),
            note: match parameter.place {
                Place::Path => "in the path",
                Place::Query => "",
                Place::Header => "header",
            },
            words: sentence_to_html(parameter.words),
        }
    }
}

/// The members of an object, each followed by its own.
pub(super) fn rows(schema: &Schema) -> Vec<Row> {
    let mut found = Vec::new();
    collect(schema, 0, &mut found);
    found
}

fn collect(schema: &Schema, depth: usize, found: &mut Vec<Row>) {
    if let Some(items) = &schema.items {
        return collect(items, depth, found);
    }
    for member in &schema.members {
        found.push(Row {
            depth,
            name: member.name,
            kind: Kind::of(&member.schema),
            note: if member.always { "" } else { "optional" },
            words: sentence_to_html(member.words),
        });
        collect(&member.schema, depth + 1, found);
    }
}
