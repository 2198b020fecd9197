//! Answers held against the document of the interface: whoever adds a member, a header or a status to a route finds out
//! here that the document lacks it, from whatever test meets it first.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::answer::Answer;

/// Headers of HTTP itself.
const OF_HTTP: [&str; 6] =
    ["allow", "connection", "content-length", "content-type", "date", "transfer-encoding"];

/// The document.
#[derive(Debug)]
pub(crate) struct Contract {
    document: Value,
    /// Its schemas, without members that are not named in them: the document leaves room for the next version, and this
    /// one must not use it unsaid.
    components: Value,
}

impl Contract {
    pub(crate) fn of(document: Value) -> Self {
        let mut components = document["components"].clone();
        close(&mut components);
        Self { document, components }
    }

    /// Panics if an answer has what the document lacks, or lacks what it promises.
    #[track_caller]
    pub(crate) fn check(&self, method: &str, path: &str, answer: &Answer) {
        let lies = self.lies(method, path, answer);
        assert!(lies.is_empty(), "src/openapi is not true of {method} {path}: {lies:#?}\n{answer:?}");
    }

    /// What the document says wrongly of an answer.
    pub(crate) fn lies(&self, method: &str, path: &str, answer: &Answer) -> Vec<String> {
        if method == "HEAD" && answer.status == 405 {
            return Vec::new();
        }
        let method = if method == "HEAD" { "get".to_owned() } else { method.to_lowercase() };
        let path = path.split('?').next().unwrap_or(path);
        let Some((_, operation)) = self.operation(&method, path) else {
            let fallback = matches!(answer.status, 404 | 405);
            return if fallback { Vec::new() } else { vec!["it has no such operation".to_owned()] };
        };
        let Some(described) = operation["responses"].get(answer.status.to_string()) else {
            return vec![format!("it has no answer {}", answer.status)];
        };
        let mut lies = self.headers(described, answer);
        lies.extend(self.body(described, answer));
        lies
    }

    /// Panics if a message to a webhook is not as the document has it.
    #[track_caller]
    pub(crate) fn check_message(&self, headers: &HeaderMap, message: &Value) {
        let kind = message["type"].as_str().unwrap_or_default();
        let described = &self.document["webhooks"][kind]["post"];
        let parameters = described["parameters"].as_array();
        let parameters = parameters.unwrap_or_else(|| panic!("src/openapi lacks the message {kind}"));
        let lies: Vec<_> = parameters
            .iter()
            .filter(|parameter| !headers.contains_key(parameter["name"].as_str().unwrap()))
            .map(|parameter| format!("the message lacks {}", parameter["name"]))
            .chain(self.mistakes(&described["requestBody"]["content"]["application/json"]["schema"], message))
            .collect();
        assert!(lies.is_empty(), "src/openapi is not true of {message:#}: {lies:#?}");
    }

    /// The operation of a path: of two that fit, the one with fewer parameters.
    fn operation(&self, method: &str, path: &str) -> Option<(usize, &Value)> {
        let paths = self.document["paths"].as_object().unwrap();
        let fitting =
            paths.iter().filter_map(|(pattern, item)| Some((fit(pattern, path)?, item.get(method)?)));
        fitting.min_by_key(|(parameters, _)| *parameters)
    }

    fn headers(&self, described: &Value, answer: &Answer) -> Vec<String> {
        let headers = described["headers"].as_object().cloned().unwrap_or_default();
        let names: Vec<_> = headers.keys().map(|name| name.to_lowercase()).collect();
        let sent = answer.headers.keys().map(HeaderName::as_str);
        let unsaid = sent
            .filter(|name| !OF_HTTP.contains(name) && !names.contains(&(*name).to_owned()))
            .map(|name| format!("it lacks the header {name}"));
        let promised = headers.keys().filter(|name| {
            self.document["components"]["headers"][name]["required"] == true
                && !answer.headers.contains_key(name.as_str())
        });
        unsaid.chain(promised.map(|name| format!("the answer lacks {}", name.to_lowercase()))).collect()
    }

    fn body(&self, described: &Value, answer: &Answer) -> Vec<String> {
        let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if answer.body.is_empty() {
            return Vec::new();
        }
        let Some(media) = described["content"].get(essence) else {
            return vec![format!("it has no content of the type {essence:?}")];
        };
        if let Some(line) = media["schema"].get("x-itemSchema") {
            let lines = answer.body.lines().map(|text| serde_json::from_str(text).unwrap());
            return lines.flat_map(|value: Value| self.mistakes(line, &value)).collect();
        }
        if essence != "application/json" && !essence.ends_with("+json") {
            return Vec::new();
        }
        match serde_json::from_str(&answer.body) {
            Ok(body) => self.mistakes(&media["schema"], &body),
            Err(error) => vec![format!("the body is no JSON: {error}")],
        }
    }

    /// Where a value is not as a schema of the document has it.
    pub(crate) fn mistakes(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut closed = schema.clone();
        close(&mut closed);
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.components,
            "allOf": [closed],
        });
        let validator = jsonschema::options().should_validate_formats(true).build(&whole).unwrap();
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}

/// How many parameters the pattern has, if the path fits it.
fn fit(pattern: &str, path: &str) -> Option<usize> {
    let (wanted, given): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    let is_parameter = |segment: &&&str| segment.starts_with('{');
    let fits = wanted.len() == given.len()
        && wanted
            .iter()
            .zip(&given)
            .all(|(wanted, given)| wanted == given || (wanted.starts_with('{') && !given.is_empty()));
    fits.then(|| wanted.iter().filter(is_parameter).count())
}

/// No members but those that are named.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            keywords.values_mut().for_each(close);
            let is_object = keywords.get("type").is_some_and(|kind| {
                kind == "object" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("object")))
            });
            if is_object && keywords.contains_key("properties") {
                keywords.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(close),
        _ => {}
    }
}

/// An answer that nobody gave.
pub(crate) fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let header = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    Answer { status, headers: headers.iter().map(header).collect::<HeaderMap>(), body: body.to_owned() }
}
