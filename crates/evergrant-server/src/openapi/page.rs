//! The document as a page for people: without scripts, and with everything on it, so that the browser can search it.

mod example;
mod shape;

use std::sync::LazyLock;

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use evergrant_explain::problems::sentence_to_html;
use serde_json::Value;

use self::{
    example::written,
    shape::{Kind, Row, rows},
};
use super::{
    INTRODUCTION, KEYS,
    answer::{Answer, Content},
    area::Area,
    messages, method,
    operation::{Body, Operation},
    operations, schemas,
};
use crate::{
    ApiRoute,
    page::{Page, REFERENCE_STYLE, STYLE, Styled},
};

/// What this page adds to the style of pages to be read.
const API_STYLE: &str = include_str!("../../templates/api.css");

/// As of all pages: only these very styles apply.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let styles = [STYLE, REFERENCE_STYLE, API_STYLE]
        .map(|style| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, style.as_bytes()))));
    let policy = format!(
        "default-src 'none'; style-src {}; base-uri 'none'; frame-ancestors 'none'",
        styles.join(" ")
    );
    HeaderValue::from_str(&policy).expect("a policy is ASCII")
});

#[derive(Debug, Template)]
#[template(path = "api.html")]
struct ReferencePage<'a> {
    version: &'static str,
    public_url: &'a str,
    introduction: String,
    keys: String,
    chapters: &'static [Chapter],
    schemas: &'static [Shape],
}

impl Styled for ReferencePage<'_> {}

/// One area.
#[derive(Debug)]
struct Chapter {
    id: String,
    title: &'static str,
    words: &'static str,
    sections: Vec<Section>,
}

/// One operation.
#[derive(Debug)]
struct Section {
    id: &'static str,
    method: String,
    path: Vec<(bool, String)>,
    summary: &'static str,
    words: String,
    /// What its key must be allowed; empty: it takes none.
    scope: &'static str,
    parameters: Vec<Row>,
    body: Option<Taken>,
    answers: Vec<Told>,
    refusals: Vec<Refused>,
}

/// A body that is taken.
#[derive(Debug)]
struct Taken {
    media: &'static str,
    kind: Kind,
    members: Vec<Row>,
    examples: Vec<(&'static str, String)>,
}

/// One answer.
#[derive(Debug)]
struct Told {
    status: u16,
    words: String,
    contents: Vec<Given>,
}

/// A form that an answer can have.
#[derive(Debug)]
struct Given {
    media: &'static str,
    kind: Kind,
    members: Vec<Row>,
    example: Option<String>,
}

/// Why a request is refused.
#[derive(Debug)]
struct Refused {
    status: u16,
    reasons: Vec<(&'static str, &'static str)>,
}

/// A schema that has a name.
#[derive(Debug)]
struct Shape {
    name: &'static str,
    words: String,
    kind: Kind,
    members: Vec<Row>,
}

static CHAPTERS: LazyLock<Vec<Chapter>> = LazyLock::new(|| {
    let operations = operations();
    let chapter = |area: Area| {
        let (title, words) = area.words();
        let own = operations.iter().filter(|(operation, _)| operation.area == area);
        Chapter {
            id: title.to_lowercase().replace(' ', "-"),
            title,
            words,
            sections: own
                .map(|(operation, route)| section(operation, route.as_ref()))
                .chain(told(area))
                .collect(),
        }
    };
    Area::ALL.map(chapter).into()
});

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let shape = |(name, schema): (&'static str, super::schema::Schema)| Shape {
        name,
        words: schema.says("description").and_then(Value::as_str).map(sentence_to_html).unwrap_or_default(),
        kind: Kind::of(&schema),
        members: rows(&schema),
    };
    schemas::all().into_iter().map(shape).collect()
});

/// The page of a server that is reached at this address.
pub(crate) fn page(public_url: &str) -> Response {
    let template = ReferencePage {
        version: env!("CARGO_PKG_VERSION"),
        public_url: public_url.trim_end_matches('/'),
        introduction: to_html(INTRODUCTION),
        keys: sentence_to_html(KEYS),
        chapters: &CHAPTERS,
        schemas: &SHAPES,
    };
    let mut response = Page::new(StatusCode::OK, template).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    response
}

/// A paragraph, then a list.
fn to_html(text: &str) -> String {
    let (paragraph, list) = text.split_once("\n\n* ").unwrap_or((text, ""));
    let items: Vec<_> =
        list.split("\n* ").map(|item| format!("<li>{}</li>", sentence_to_html(item))).collect();
    format!("<p class=\"lead\">{}</p><ul>{}</ul>", sentence_to_html(paragraph), items.concat())
}

/// What this server says by itself. Nothing of it is refused here.
fn told(area: Area) -> Option<Section> {
    let message = || Section { refusals: Vec::new(), ..section(&messages::in_one(), None) };
    (area == Area::Webhooks).then(message)
}

fn section(operation: &Operation, route: Option<&ApiRoute>) -> Section {
    let refusals = operation.refusals();
    let refused = refusals.by_status().map(|(status, reasons)| Refused {
        status,
        reasons: reasons.iter().map(|reason| (reason.as_str(), reason.title())).collect(),
    });
    Section {
        id: operation.id,
        method: method(&operation.method),
        path: pieces(operation.path),
        summary: operation.summary,
        words: sentence_to_html(operation.words),
        scope: route.map_or("", |route| route.scope.as_str()),
        parameters: operation.parameters.iter().map(Row::of_parameter).collect(),
        body: operation.body.as_ref().map(Taken::of),
        answers: operation.answers.iter().map(Told::of).collect(),
        refusals: refused.collect(),
    }
}

impl Taken {
    fn of(Body { media, schema, examples }: &Body) -> Self {
        let example = |(name, value): &(&'static str, Value)| (*name, written(schema, value));
        Self {
            media,
            kind: Kind::of(schema),
            members: rows(schema),
            examples: examples.iter().map(example).collect(),
        }
    }
}

impl Told {
    fn of(answer: &Answer) -> Self {
        let given = |Content { media, schema, example }: &Content| Given {
            media,
            kind: Kind::of(schema),
            members: rows(schema),
            example: example.as_ref().map(|value| written(schema, value)),
        };
        Self {
            status: answer.status,
            words: sentence_to_html(answer.words),
            contents: answer.contents.iter().map(given).collect(),
        }
    }
}

/// A path, with what has to be filled in marked.
fn pieces(path: &str) -> Vec<(bool, String)> {
    let pieces = path.split_inclusive('}').flat_map(|piece| match piece.split_once('{') {
        Some((fixed, open)) => vec![(false, fixed.to_owned()), (true, format!("{{{open}"))],
        None => vec![(false, piece.to_owned())],
    });
    pieces.collect()
}
