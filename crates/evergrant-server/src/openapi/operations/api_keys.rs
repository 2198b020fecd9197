//! API keys.

use axum::http::Method;
use serde_json::{Value, json};

use super::API_KEY;
use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{Schema, count, flag, name, named, object, pattern},
        schemas::{api_key_id, key_scope},
    },
    problem::Reason,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![list(), add(), revoke()]
}

fn list() -> Operation {
    Operation::new(
        Area::ApiKeys,
        Method::GET,
        "/v1/api-keys",
        ("listApiKeys", "List API keys"),
        "Every key of the namespaces that this one sees, the oldest first.",
    )
    .queried()
    .answers(
        Answer::new(200, "The keys, without the keys themselves.")
            .json(named("ApiKeys"), json!({ "api_keys": [key()] })),
    )
}

fn add() -> Operation {
    let words = "Makes a key, and shows it this once. It sees the namespace that this request is about, unless the body says \
                 otherwise.";
    let body = object()
        .always("name", shown_name(), "What you call it: one line, at most 100 characters.")
        .always("scope", key_scope(), "What it may do; each includes the ones before it.")
        .maybe("namespace", name().or_null(), "What it sees.")
        .maybe("all_namespaces", flag().usually(false), "It sees every namespace. Not beside `namespace`.")
        .maybe("expires_in", count().up_to(u64::MAX).or_null(), "Seconds after which it ends by itself.")
        .with(
            "not",
            json!({
                "required": ["namespace", "all_namespaces"],
                "properties": { "namespace": { "type": "string" }, "all_namespaces": { "const": true } },
            }),
        )
        .closed();
    let mut added = key();
    added["key"] = json!("egk_…");
    Operation::new(Area::ApiKeys, Method::POST, "/v1/api-keys", ("addApiKey", "Make an API key"), words)
        .body(body, [("For one program", json!({ "name": "mailer", "scope": "read-token" }))])
        .answers(Answer::new(201, "The key.").json(named("AddedApiKey"), added))
        .refuses(&[Reason::NoSuchNamespace, Reason::InsufficientScope])
}

/// Nothing that a terminal would obey, and not white space alone.
fn shown_name() -> Schema {
    const HARMFUL: &str = r"\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff";
    pattern(&format!(r"^[^{HARMFUL}]*[^{HARMFUL}\s][^{HARMFUL}]*$")).long(1, 100)
}

fn revoke() -> Operation {
    Operation::new(
        Area::ApiKeys,
        Method::DELETE,
        "/v1/api-keys/{id}",
        ("revokeApiKey", "Revoke an API key"),
        "Takes a key away for good: from the next request on, here; within seconds, at other servers of the store.",
    )
    .path("id", api_key_id(), "The key's id, not the key.", API_KEY)
    .answers(Answer::new(204, "It is good for nothing any more."))
    .refuses(&[Reason::NoSuchApiKey])
}

fn key() -> Value {
    json!({
        "id": API_KEY,
        "name": "mailer",
        "scope": "read-token",
        "namespace": "default",
        "state": "active",
        "created_at": "2026-09-01T08:00:00Z",
        "expires_at": null,
        "revoked_at": null,
        "last_used_at": "2026-11-21T09:30:00Z",
    })
}
