//! Webhooks.

use axum::http::Method;
use serde_json::{Value, json};

use super::{MESSAGE, WEBHOOK, limit};
use crate::{
    openapi::{
        answer::Answer,
        area::Area,
        operation::Operation,
        schema::{Schema, address, count, flag, list, named, object, pattern, time},
        schemas::{chosen_kinds, webhook_id},
    },
    problem::Reason,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![list_webhooks(), add(), read(), update(), remove(), rotate_secret(), test(), replay(), deliveries()]
}

fn of_one(
    method: Method,
    path: &'static str,
    name: (&'static str, &'static str),
    words: &'static str,
) -> Operation {
    Operation::new(Area::Webhooks, method, path, name, words)
        .path("id", webhook_id(), "The webhook.", WEBHOOK)
        .refuses(&[Reason::NoSuchWebhook])
}

fn list_webhooks() -> Operation {
    Operation::new(
        Area::Webhooks,
        Method::GET,
        "/v1/webhooks",
        ("listWebhooks", "List webhooks"),
        "All of the namespace, and how they fare.",
    )
    .queried()
    .answers(Answer::new(200, "The webhooks.").json(named("Webhooks"), json!({ "webhooks": [webhook()] })))
}

fn add() -> Operation {
    let words = "Adds a webhook. Its secret is in this answer and in no other. What it is sent is a `WebhookMessage`; \
                 docs/webhooks.md says how to verify it.";
    let body = object()
        .always("url", receiver(), URL)
        .maybe("types", list(chosen_kinds()), "What it wants to be told; empty: everything.")
        .maybe("description", description().or_null(), "What you call it.")
        .closed();
    let example = json!({
        "url": "https://app.example/hooks/evergrant",
        "types": ["grant.needs_reauthorization", "grant.recovered"],
    });
    let mut added = webhook();
    added["secret"] = json!("whsec_…");
    Operation::new(Area::Webhooks, Method::POST, "/v1/webhooks", ("addWebhook", "Add a webhook"), words)
        .body(body, [("Only what concerns users", example)])
        .answers(Answer::new(201, "The webhook, with its secret.").json(named("AddedWebhook"), added))
        .refuses(&[Reason::Unprocessable])
}

fn read() -> Operation {
    of_one(Method::GET, "/v1/webhooks/{id}", ("readWebhook", "Read a webhook"), "And how it fares.")
        .answers(one())
}

fn update() -> Operation {
    let words = "Changes what the body names. To enable one is to begin with a clean record.";
    let body = object()
        .maybe("url", receiver().or_null(), URL)
        .maybe("types", list(chosen_kinds()).or_null(), "What it wants to be told; empty: everything.")
        .maybe("description", description().or_null(), "What you call it; an empty one takes it away.")
        .maybe("enabled", flag().or_null(), "Whether messages are delivered to it.")
        .closed();
    of_one(Method::PATCH, "/v1/webhooks/{id}", ("updateWebhook", "Change a webhook"), words)
        .body(body, [("Enable it again", json!({ "enabled": true }))])
        .answers(one())
        .refuses(&[Reason::Unprocessable])
}

fn remove() -> Operation {
    let words = "Removes a webhook, with what was still to be delivered to it.";
    of_one(Method::DELETE, "/v1/webhooks/{id}", ("removeWebhook", "Remove a webhook"), words)
        .answers(Answer::new(204, "It is gone."))
}

fn rotate_secret() -> Operation {
    let words = "Gives it a new secret, shown this once. The one before signs beside it for a day, or for as long as the \
                 body says, so that the receiver can change over.";
    let body = object()
        .maybe("overlap", count().up_to(30 * 86_400).or_null(), "Seconds; 0 if the secret has leaked.")
        .closed();
    let rotated = json!({ "secret": "whsec_…", "previous_signs_until": "2026-11-22T09:30:00Z" });
    let path = "/v1/webhooks/{id}/rotate-secret";
    of_one(Method::POST, path, ("rotateWebhookSecret", "Give a webhook a new secret"), words)
        .body(body, [("It has leaked", json!({ "overlap": 0 })), ("A day of both", json!({}))])
        .answers(Answer::new(200, "The new secret.").json(named("RotatedSecret"), rotated))
}

fn test() -> Operation {
    let words = "Sends a message of the type `webhook.test` at once, and says whether it arrived.";
    of_one(Method::POST, "/v1/webhooks/{id}/test", ("testWebhook", "Send a test message"), words).answers(
        Answer::new(200, "Whether it arrived.")
            .json(named("TestedWebhook"), json!({ "message": MESSAGE, "delivered": true })),
    )
}

fn replay() -> Operation {
    let words =
        "Delivers one message again, or all since a time. They keep their ids, so a receiver can tell them.";
    let body = object()
        .maybe("message", pattern("^msg_[0-9a-fA-F]{32}$").or_null(), "The message.")
        .maybe("since", time().or_null(), "Or all since this time.")
        .one_of_both("message", "since")
        .closed();
    let replayed = object().always("messages", count(), "How many messages go out again.");
    of_one(Method::POST, "/v1/webhooks/{id}/replay", ("replayMessages", "Deliver messages again"), words)
        .body(
            body,
            [
                ("After an outage", json!({ "since": "2026-11-21T08:00:00Z" })),
                ("One message", json!({ "message": MESSAGE })),
            ],
        )
        .answers(Answer::new(202, "They will go out.").json(replayed, json!({ "messages": 3 })))
        .refuses(&[Reason::NoSuchMessage, Reason::WebhookDisabled])
}

fn deliveries() -> Operation {
    let example = json!({ "deliveries": [{
        "number": 812,
        "message": MESSAGE,
        "type": "grant.needs_reauthorization",
        "at": "2026-11-21T09:31:40Z",
        "state": "delivered",
        "attempts": 1,
        "tried_at": "2026-11-21T09:31:41Z",
        "due_at": null,
        "failure": null,
    }], "next": null });
    let path = "/v1/webhooks/{id}/deliveries";
    of_one(Method::GET, path, ("listDeliveries", "List what became of messages"), "The newest first.")
        .query(
            "before",
            count().up_to(u64::MAX),
            "Only deliveries before this number: `next` of the page before.",
        )
        .query("limit", limit(50, 500), "Deliveries on a page.")
        .answers(Answer::new(200, "A page of deliveries.").json(named("Deliveries"), example))
}

fn one() -> Answer {
    Answer::new(200, "The webhook.").json(named("Webhook"), webhook())
}

const URL: &str = "Where messages are posted to: `https`, or `http` on this host alone.";

fn receiver() -> Schema {
    address().with("maxLength", 2048)
}

/// Nothing that a terminal would obey.
fn description() -> Schema {
    pattern(r"^[^\u0000-\u001f\u007f-\u009f]*$").with("maxLength", 200)
}

fn webhook() -> Value {
    json!({
        "id": WEBHOOK,
        "url": "https://app.example/hooks/evergrant",
        "types": ["grant.needs_reauthorization", "grant.recovered"],
        "description": null,
        "enabled": true,
        "failures": 0,
        "failing_since": null,
        "last_failure": null,
        "last_success_at": "2026-11-21T09:31:41Z",
        "created_at": "2026-09-01T08:05:00Z",
        "updated_at": "2026-09-01T08:05:00Z",
    })
}
