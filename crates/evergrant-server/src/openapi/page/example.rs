//! Examples as people read them.

use serde_json::Value;

use crate::openapi::{schema::Schema, schemas};

/// What fits into so many characters stands on one line.
const WIDTH: usize = 84;

/// A value, with members in the order of its schema; a text as it is.
pub(super) fn written(schema: &Schema, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => {
            let mut text = String::new();
            write(schema, value, 0, 0, &mut text);
            text
        }
    }
}

/// `used`: what stands on the line before it.
fn write(schema: &Schema, value: &Value, depth: usize, used: usize, text: &mut String) {
    let line = on_one_line(schema, value);
    if 2 * depth + used + line.chars().count() <= WIDTH {
        text.push_str(&line);
        return;
    }
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    let parts = parts(schema, value);
    if parts.is_empty() {
        text.push_str(&line);
        return;
    }
    text.push(open);
    for (index, Part { name, schema, value }) in parts.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(depth + 1));
        text.push_str(name);
        write(schema, value, depth + 1, name.chars().count() + 1, text);
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(close);
}

fn on_one_line(schema: &Schema, value: &Value) -> String {
    let inner = |(open, close)| {
        let parts = parts(schema, value);
        let parts =
            parts.iter().map(|Part { name, schema, value }| name.clone() + &on_one_line(schema, value));
        format!("{open}{}{close}", parts.collect::<Vec<_>>().join(", "))
    };
    match value {
        Value::Object(members) if !members.is_empty() => inner(("{ ", " }")),
        Value::Array(items) if !items.is_empty() => inner(("[", "]")),
        plain => plain.to_string(),
    }
}

/// A member or an item.
struct Part<'a> {
    /// With its colon; empty for an item.
    name: String,
    schema: &'a Schema,
    value: &'a Value,
}

fn parts<'a>(schema: &'a Schema, value: &'a Value) -> Vec<Part<'a>> {
    let schema = resolved(schema);
    match value {
        Value::Array(items) => {
            let of = schema.items.as_deref().unwrap_or(schema);
            items.iter().map(|value| Part { name: String::new(), schema: of, value }).collect()
        }
        Value::Object(members) => {
            let place = |name: &str| schema.members.iter().position(|member| member.name == name);
            let mut parts: Vec<_> = members.iter().map(|(name, value)| (place(name), name, value)).collect();
            parts.sort_by_key(|(place, ..)| place.unwrap_or(usize::MAX));
            let part = |(place, name, value): (Option<usize>, &String, &'a Value)| Part {
                name: format!("{}: ", Value::from(name.as_str())),
                schema: place.map_or(schema, |place| &schema.members[place].schema),
                value,
            };
            parts.into_iter().map(part).collect()
        }
        _ => Vec::new(),
    }
}

/// The schema that a name stands for.
fn resolved(schema: &Schema) -> &Schema {
    schema.name.and_then(schemas::find).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::openapi::schema::{list, object, text};

    #[test]
    fn members_stand_in_the_order_of_the_schema_and_what_is_short_on_one_line() {
        let schema = object().always("b", text(), "").always("a", list(text()), "");
        let written = |value: &Value| written(&schema, value);
        assert_eq!(written(&json!({ "a": ["x"], "b": "y" })), r#"{ "b": "y", "a": ["x"] }"#);
        let long = "x".repeat(WIDTH);
        let expected = format!("{{\n  \"b\": \"y\",\n  \"a\": [\n    \"{long}\"\n  ]\n}}");
        assert_eq!(written(&json!({ "a": [long], "b": "y" })), expected);
        assert_eq!(written(&json!({})), "{}");
        assert_eq!(written(&json!("event: a\n")), "event: a\n");
    }
}
