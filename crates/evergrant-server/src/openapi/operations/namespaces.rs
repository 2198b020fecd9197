//! Namespaces.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{flag, name, named, object},
    },
    problem::Reason,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![list(), add(), remove()]
}

fn list() -> Operation {
    let words = "Those that this key sees, by name.";
    Operation::new(
        Area::Namespaces,
        Method::GET,
        "/v1/namespaces",
        ("listNamespaces", "List namespaces"),
        words,
    )
    .queried()
    .answers(
        Answer::new(200, "The namespaces.").json(named("Namespaces"), json!({ "namespaces": [namespace()] })),
    )
}

fn add() -> Operation {
    let body = object().always("name", name(), "Its name.").closed();
    let words = "Takes a key that sees all namespaces.";
    Operation::new(
        Area::Namespaces,
        Method::POST,
        "/v1/namespaces",
        ("addNamespace", "Add a namespace"),
        words,
    )
    .body(body, [("A tenant", json!({ "name": "acme" }))])
    .answers(Answer::new(201, "The namespace.").json(named("Namespace"), namespace()))
    .refuses(&[Reason::NamespaceExists])
}

fn remove() -> Operation {
    let words = "Removes a namespace in which nothing is left, or with `contents` what is left in it as well: its grants are \
                 revoked first, so ask again while a provider has not confirmed. The keys that see it alone end with \
                 it. Takes a key that sees all namespaces.";
    Operation::new(
        Area::Namespaces,
        Method::DELETE,
        "/v1/namespaces/{name}",
        ("removeNamespace", "Remove a namespace"),
        words,
    )
    .path("name", name(), "The namespace.", "acme")
    .query("contents", flag().usually(false), "With what is left in it.")
    .answers(Answer::new(204, "It is gone."))
    .refuses(&[
        Reason::NoSuchNamespace,
        Reason::NamespaceInUse,
        Reason::InProgress,
        Reason::ShuttingDown,
    ])
}

fn namespace() -> Value {
    json!({ "name": "acme", "created_at": "2026-09-01T08:00:00Z" })
}
