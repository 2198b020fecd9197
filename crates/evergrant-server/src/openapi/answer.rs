//! What an operation answers.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::schema::{Schema, named, text};
use crate::problem::{PROBLEM_JSON, Reason};

/// Lines of JSON. There is no registered type; this one is the most in use.
pub(super) const LINES: &str = "application/jsonl";

/// One answer that is no refusal.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) words: &'static str,
    pub(super) contents: Vec<Content>,
    headers: Vec<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) media: &'static str,
    pub(super) schema: Schema,
    pub(super) example: Option<Value>,
}

impl Answer {
    /// Without a body, so far.
    pub(super) fn new(status: u16, words: &'static str) -> Self {
        Self { status, words, contents: Vec::new(), headers: Vec::new() }
    }

    /// JSON.
    pub(super) fn json(self, schema: Schema, example: Value) -> Self {
        self.or(Content { media: "application/json", schema, example: Some(example) })
    }

    /// JSON whose members are described and not shown.
    pub(super) fn json_of(self, schema: Schema) -> Self {
        self.or(Content { media: "application/json", schema, example: None })
    }

    /// A page for people.
    pub(super) fn html(self) -> Self {
        self.or(Content { media: "text/html", schema: text(), example: None })
    }

    /// Some other text.
    pub(super) fn text(self, media: &'static str, example: &str) -> Self {
        self.or(Content { media, schema: text(), example: Some(json!(example)) })
    }

    /// Lines of JSON, each as the schema of that name has it.
    pub(super) fn lines(self, name: &'static str, example: &str) -> Self {
        let schema = text().with("x-itemSchema", Value::from(named(name)));
        self.or(Content { media: LINES, schema, example: Some(json!(example)) })
    }

    /// With a header that this answer always has, by its name in the document.
    pub(super) fn header(mut self, name: &'static str) -> Self {
        self.headers.push(name);
        self
    }

    fn or(mut self, content: Content) -> Self {
        self.contents.push(content);
        self
    }

    /// With the headers that answers of this operation have anyway.
    pub(super) fn json_with(&self, common: &[&'static str]) -> Value {
        let contents = self.contents.iter().map(|Content { media, schema, example }| {
            let mut content = Map::from_iter([("schema".to_owned(), schema.clone().into())]);
            if let Some(example) = example {
                content.insert("example".to_owned(), example.clone());
            }
            ((*media).to_owned(), Value::Object(content))
        });
        let contents: Map<String, Value> = contents.collect();
        let headers = headers(common.iter().chain(&self.headers));
        let mut json = json!({ "description": self.words, "headers": headers });
        if !contents.is_empty() {
            json["content"] = contents.into();
        }
        json
    }
}

/// The refusals of an operation, by the status that they have.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(BTreeMap<u16, Vec<Reason>>);

impl Refusals {
    pub(super) fn add(&mut self, reasons: &[Reason]) {
        for reason in reasons {
            self.add_as(reason.status(), *reason);
        }
    }

    /// With another status than the reason has elsewhere.
    pub(super) fn add_as(&mut self, status: StatusCode, reason: Reason) {
        let reasons = self.0.entry(status.as_u16()).or_default();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }

    pub(super) fn by_status(&self) -> impl Iterator<Item = (u16, &[Reason])> {
        self.0.iter().map(|(status, reasons)| (*status, reasons.as_slice()))
    }
}

/// The refusals of one status: what each means, and a document of each.
pub(super) fn refusal(status: u16, reasons: &[Reason], common: &[&'static str]) -> Value {
    let words: Vec<_> = reasons
        .iter()
        .map(|reason| format!("* `{}`: {}. {}", reason.as_str(), reason.title(), reason.meaning()))
        .collect();
    let example = |reason: &Reason| {
        let example = if reason.status() == status {
            json!({ "$ref": format!("#/components/examples/{}", reason.as_str()) })
        } else {
            json!({ "value": document(*reason, status) })
        };
        (reason.as_str().to_owned(), example)
    };
    let types: Vec<_> = reasons.iter().map(|reason| address(*reason)).collect();
    let challenge = matches!(status, 401 | 403).then_some("WWW-Authenticate");
    json!({
        "description": words.join("\n"),
        "headers": headers(common.iter().chain(challenge.iter())),
        "content": { PROBLEM_JSON: {
            "schema": {
                "$ref": "#/components/schemas/Problem",
                "properties": { "type": { "enum": types }, "status": { "const": status } },
            },
            "examples": reasons.iter().map(example).collect::<Map<_, _>>(),
        } },
    })
}

/// A document of each reason, by its name.
pub(super) fn examples() -> Value {
    let example = |reason: Reason| {
        (reason.as_str().to_owned(), json!({ "value": document(reason, reason.status().as_u16()) }))
    };
    Reason::all().map(example).collect::<Map<_, _>>().into()
}

fn document(reason: Reason, status: u16) -> Value {
    json!({
        "type": address(reason),
        "title": reason.title(),
        "status": status,
        "detail": reason.meaning(),
    })
}

fn address(reason: Reason) -> String {
    format!("/problems/{}", reason.as_str())
}

fn headers<'a>(names: impl Iterator<Item = &'a &'static str>) -> Value {
    let reference =
        |name: &&'static str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    names.map(reference).collect::<Map<_, _>>().into()
}
