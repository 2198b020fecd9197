//! The HTTP interface, described (OpenAPI 3.1): one document for programs and a page of it for people.
//!
//! Nobody has to remember to keep it true. Scopes and limits come from the table of routes, refusals from the table of
//! reasons, the names of enumerations from serde. What is written by hand is compared: the test suite holds every answer
//! that any of its tests gets against this document, and fails for a route, a status, a header or a member that is not in
//! it; schemathesis then asks the running program for what the document promises.

mod answer;
mod area;
mod header;
mod messages;
pub(crate) mod names;
mod operation;
mod operations;
mod page;
mod parameter;
mod schema;
mod schemas;

use std::sync::LazyLock;

use axum::http::Method;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(crate) use self::page::page;
use self::{area::Area, operation::Operation};
use crate::{ApiRoute, api_routes};

/// All of it but for where the server is.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "openapi": "3.1.1",
        "info": info(),
        "tags": tags(),
        "paths": paths(&operations()),
        "webhooks": messages::webhooks(),
        "components": {
            "schemas": schemas::all()
                .into_iter()
                .map(|(name, schema)| (name.to_owned(), schema.into()))
                .collect::<Map<_, _>>(),
            "headers": header::headers(),
            "examples": answer::examples(),
            "securitySchemes": { "apiKey": {
                "type": "http",
                "scheme": "bearer",
                "description": KEYS,
            } },
        },
    })
});

const INTRODUCTION: &str = "\
Evergrant keeps OAuth 2.0 grants alive. Ask for an access token and get one that works; hear why when there is none.

* Requests and answers are JSON in UTF-8. A member or a parameter that is not described here is refused in requests; \
answers may gain members.
* Times are RFC 3339 in UTC, durations seconds.
* A refusal is a problem document (RFC 9457): `type` is stable and the address of a page that says what helps.
* Every answer has an `X-Request-Id`: the caller's own, or a new one.";

const KEYS: &str = "\
An API key of this server (`evergrant api-keys create`), as `Authorization: Bearer <key>`. Its scope is `read-token`, \
`manage` or `admin`; each includes the ones before it.";

/// The document of a server that is reached at this address.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    servers: [Place<'a>; 1],
    #[serde(flatten)]
    document: &'a Value,
}

#[derive(Debug, Serialize)]
struct Place<'a> {
    url: &'a str,
}

impl<'a> Document<'a> {
    pub(crate) fn of_server_at(public_url: &'a str) -> Self {
        Self { servers: [Place { url: public_url.trim_end_matches('/') }], document: &DOCUMENT }
    }
}

fn info() -> Value {
    json!({
        "title": "Evergrant",
        "version": env!("CARGO_PKG_VERSION"),
        "description": INTRODUCTION,
        "license": { "name": "Apache-2.0 OR MIT", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
    })
}

fn tags() -> Vec<Value> {
    let tag = |area: Area| {
        let (name, description) = area.words();
        json!({ "name": name, "description": description })
    };
    Area::ALL.map(tag).into()
}

/// Every operation, with what the table of routes says of it; `None`: it takes no key.
fn operations() -> Vec<(Operation, Option<ApiRoute>)> {
    let routes = api_routes();
    let with_route = |operation: Operation| {
        let route = routes.iter().find(|route| operation.is_of(&route.method, &route.path));
        match route {
            Some(route) => (operation.behind_the_gate(), Some(route.clone())),
            None => (operation, None),
        }
    };
    operations::all().into_iter().map(with_route).collect()
}

fn paths(operations: &[(Operation, Option<ApiRoute>)]) -> Map<String, Value> {
    let mut paths = Map::new();
    for (operation, route) in operations {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[method(&operation.method)] = operation.json(route.as_ref());
    }
    paths
}

fn method(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}
