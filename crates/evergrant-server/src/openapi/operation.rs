//! One operation: a method of a route, and all that can be said to it and by it.

use axum::http::{Method, StatusCode};
use evergrant::store::access::KeyScope;
use serde_json::{Map, Value, json};

use super::{
    answer::{self, Answer, LINES, Refusals},
    area::Area,
    parameter::{Parameter, Place},
    schema::{Schema, name, pattern, text},
};
use crate::{ApiRoute, problem::Reason};

/// One operation.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) area: Area,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) words: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) answers: Vec<Answer>,
    refusals: Refusals,
    /// Headers that its refusals can have, beside the common ones.
    refused_with: Vec<&'static str>,
}

/// A body.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) media: &'static str,
    pub(super) schema: Schema,
    /// A heading, and a body.
    pub(super) examples: Vec<(&'static str, Value)>,
}

impl Operation {
    pub(super) fn new(
        area: Area,
        method: Method,
        path: &'static str,
        (id, summary): (&'static str, &'static str),
        words: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            area,
            id,
            summary,
            words,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            refusals: Refusals::default(),
            refused_with: Vec::new(),
        }
    }

    pub(super) fn is_of(&self, method: &Method, path: &str) -> bool {
        self.method == *method && self.path == path
    }

    /// What stands in the path.
    pub(super) fn path(
        self,
        parameter: &'static str,
        schema: Schema,
        words: &'static str,
        like: &str,
    ) -> Self {
        self.parameter(Parameter::new(Place::Path, parameter, schema, words).like(like))
    }

    /// What may stand in the query.
    pub(super) fn query(self, parameter: &'static str, schema: Schema, words: &'static str) -> Self {
        self.parameter(Parameter::new(Place::Query, parameter, schema, words)).queried()
    }

    /// What the provider puts into the query. Nothing of it is refused here: what is no answer of a provider gets a page.
    pub(super) fn parameter_of_the_provider(self, parameter: &'static str, words: &'static str) -> Self {
        self.parameter(Parameter::new(Place::Query, parameter, text(), words))
    }

    /// What may stand in a header.
    pub(super) fn header(self, parameter: &'static str, schema: Schema, words: &'static str) -> Self {
        self.parameter(Parameter::new(Place::Header, parameter, schema, words))
    }

    pub(super) fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// It reads its query, and refuses what it does not know.
    pub(super) fn queried(self) -> Self {
        self.refuses(&[Reason::InvalidQuery])
    }

    /// It takes a body.
    pub(super) fn body<const N: usize>(self, schema: Schema, examples: [(&'static str, Value); N]) -> Self {
        let body = Body { media: "application/json", schema, examples: examples.into() };
        let refusals = [Reason::InvalidBody, Reason::BodyTooLarge, Reason::UnsupportedMediaType];
        Self { body: Some(body), ..self }.refuses(&refusals)
    }

    /// It takes lines of JSON. Whatever is wrong with one of them, its report says.
    pub(super) fn lines(self, of: Schema, example: String) -> Self {
        let schema = text().with("x-itemSchema", Value::from(of));
        let body = Body { media: LINES, schema, examples: vec![("One line", example.into())] };
        Self { body: Some(body), ..self }.refuses(&[Reason::BodyTooLarge, Reason::UnsupportedMediaType])
    }

    /// It can be named, so that repeating it does no harm.
    pub(super) fn idempotent(self) -> Self {
        let key = pattern("^([!#-+\\--:<-\\[\\]-~]{1,255}|\"([ !#-\\[\\]-~]|\\\\[\"\\\\]){1,255}\")$");
        let words = "A name of this request, yours to choose (a UUID, say). Within a day the same request under the same \
                     name is executed once and answered alike.";
        self.header("Idempotency-Key", key, words)
            .refuses(&[Reason::InvalidHeader, Reason::IdempotencyKeyReused])
    }

    /// It answers so.
    pub(super) fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// It refuses for these reasons.
    pub(super) fn refuses(mut self, reasons: &[Reason]) -> Self {
        self.refusals.add(reasons);
        self
    }

    /// It refuses for these reasons with a status of its own.
    pub(super) fn refuses_as(mut self, status: StatusCode, reasons: &[Reason]) -> Self {
        for reason in reasons {
            self.refusals.add_as(status, *reason);
        }
        self
    }

    /// Its refusals can have these headers.
    pub(super) fn refused_with(mut self, headers: &[&'static str]) -> Self {
        self.refused_with.extend(headers);
        self
    }

    /// What everything behind the gate has.
    pub(super) fn behind_the_gate(mut self) -> Self {
        let reasons = [
            Reason::Unauthenticated,
            Reason::InsufficientScope,
            Reason::NoSuchNamespace,
            Reason::InvalidHeader,
            Reason::StoreUnavailable,
            // Of requests that are not counted, those for grants that nobody has are.
            Reason::TooManyRequests,
        ];
        self.refusals.add(&reasons);
        let words =
            "The namespace that the request is about, for keys that see all of them; without it, `default`.";
        self.header("Evergrant-Namespace", name(), words)
    }

    /// As the document has it. `route`: what the table of routes says of it, if it takes a key.
    pub(super) fn json(&self, route: Option<&ApiRoute>) -> Value {
        let common = common_headers(route);
        let mut responses = Map::new();
        for answer in &self.answers {
            responses.insert(answer.status.to_string(), answer.json_with(&common));
        }
        let mut refused = common.clone();
        if route.is_none() {
            refused.push("Cache-Control");
        }
        refused.push("Retry-After");
        refused.extend(&self.refused_with);
        for (status, reasons) in self.refusals().by_status() {
            responses.insert(status.to_string(), answer::refusal(status, reasons, &refused));
        }
        let mut json = json!({
            "operationId": self.id,
            "tags": [self.area.title()],
            "summary": self.summary,
            "description": self.described(route),
            "responses": responses,
            "security": route.map_or_else(|| json!([]), |route| json!([{ "apiKey": [route.scope.as_str()] }])),
        });
        if !self.parameters.is_empty() {
            json["parameters"] = self.parameters.iter().map(Value::from).collect();
        }
        if let Some(body) = &self.body {
            json["requestBody"] = body.json();
        }
        json
    }

    /// Anything can meet a defect.
    pub(super) fn refusals(&self) -> Refusals {
        let mut refusals = self.refusals.clone();
        refusals.add(&[Reason::Internal]);
        refusals
    }

    fn described(&self, route: Option<&ApiRoute>) -> String {
        match route.map(|route| route.scope) {
            None => self.words.to_owned(),
            Some(KeyScope::Admin) => format!("{}\n\nTakes an API key of the scope `admin`.", self.words),
            Some(scope) => {
                format!("{}\n\nTakes an API key of the scope `{scope}` or a larger one.", self.words)
            }
        }
    }
}

impl Body {
    fn json(&self) -> Value {
        let example = |(name, value): &(&'static str, Value)| {
            ((*name).to_owned(), json!({ "summary": name, "value": value }))
        };
        json!({
            "required": true,
            "content": { self.media: {
                "schema": Value::from(self.schema.clone()),
                "examples": self.examples.iter().map(example).collect::<Map<_, _>>(),
            } },
        })
    }
}

fn common_headers(route: Option<&ApiRoute>) -> Vec<&'static str> {
    let mut headers = vec!["X-Request-Id"];
    if let Some(route) = route {
        headers.push("Cache-Control");
        if route.counted {
            headers.extend(["RateLimit-Policy", "RateLimit"]);
        }
    }
    headers
}
