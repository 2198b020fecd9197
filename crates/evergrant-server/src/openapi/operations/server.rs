//! What load balancers, monitoring and programs ask before they have a key.

use axum::http::Method;
use serde_json::json;

use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{count, object, one_of},
    },
    problem::Reason,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![livez(), readyz(), metrics(), document()]
}

fn operation(path: &'static str, name: (&'static str, &'static str), words: &'static str) -> Operation {
    Operation::new(Area::Server, Method::GET, path, name, words)
}

fn livez() -> Operation {
    operation("/livez", ("livez", "Whether the process answers"), "Restart it if it does not.")
        .answers(Answer::new(200, "It does.").text("text/plain", "ok\n"))
}

fn readyz() -> Operation {
    let words = "The server takes requests, its driver runs, and the store answers and may refresh.";
    let lifeboat =
        "Rotated credentials that wait for a store that cannot be written: above zero, somebody has to look.";
    let readiness = object().always("status", one_of(["ready"]), "It is ready.").always(
        "lifeboat_records",
        count(),
        lifeboat,
    );
    operation("/readyz", ("readyz", "Whether to send it requests"), words)
        .answers(
            Answer::new(200, "Send it requests.")
                .json(readiness, json!({ "status": "ready", "lifeboat_records": 0 })),
        )
        .refuses(&[Reason::ShuttingDown, Reason::StoreUnavailable, Reason::StoreQuarantined])
        .refuses(&[Reason::InProgress])
}

fn metrics() -> Operation {
    let words =
        "Counters in the text format of Prometheus; docs/operations.md has every one. They name no grant.";
    operation("/metrics", ("metrics", "What the server counts"), words)
        .answers(Answer::new(200, "The counters.").text("text/plain", "evergrant_store_up 1\n"))
}

fn document() -> Operation {
    let schema = object().with("additionalProperties", true);
    operation("/openapi.json", ("readOpenapi", "This document"), "OpenAPI 3.1.")
        .answers(Answer::new(200, "The document.").json_of(schema).header("Cache-Control"))
}
