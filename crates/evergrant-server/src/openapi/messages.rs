//! What webhooks are told: requests that this server makes, and so the `webhooks` of the document.

use axum::http::Method;
use evergrant::store::webhook::MessageKind;
use serde_json::{Map, Value, json};

use super::{
    answer::Answer,
    area::Area,
    operation::Operation,
    parameter::{Parameter, Place},
    schema::{named, pattern, text},
    schemas::message_id,
};

const WORDS: &str = "Delivered at least once, in the order of what happened to a grant, and signed as Standard Webhooks has \
                     it; docs/webhooks.md says how to verify it.";

/// Every kind of message, with the request that brings it.
pub(super) fn webhooks() -> Map<String, Value> {
    let kinds = MessageKind::CHOICE.into_iter().chain([MessageKind::WebhookTest]);
    kinds.map(|kind| (kind.as_str().to_owned(), json!({ "post": request(kind) }))).collect()
}

/// Of a test message.
const TESTED: &str = "Sent once, when somebody asks for it, to that webhook alone; signed as the others are.";

fn request(kind: MessageKind) -> Value {
    let mut content = json!({ "schema": { "$ref": "#/components/schemas/WebhookMessage" } });
    if kind == MessageKind::GrantNeedsReauthorization {
        content["example"] = example();
    }
    json!({
        "operationId": kind.as_str(),
        "tags": [Area::Webhooks.title()],
        "summary": told(kind),
        "description": if kind == MessageKind::WebhookTest { TESTED } else { WORDS },
        "parameters": headers().iter().map(Value::from).collect::<Vec<_>>(),
        "requestBody": {
            "required": true,
            "content": { "application/json": content },
        },
        "responses": {
            "2XX": { "description": "It has arrived. To be answered within 20 seconds; the body is not read." },
            "410": { "description": "No messages are wanted any more: the webhook is disabled, but for a test." },
            "default": { "description": "It has not arrived, and is tried again, but for a test." },
        },
        "security": [],
    })
}

fn headers() -> [Parameter; 3] {
    let header = |name, schema, words| Parameter::new(Place::Header, name, schema, words).always();
    [
        header("webhook-id", message_id(), "The message: the same in every try."),
        header("webhook-timestamp", pattern("^[0-9]+$"), "When this try was made, in seconds since 1970."),
        header(
            "webhook-signature",
            text(),
            "`v1,` and the HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}` in Base64; two of them, separated by \
             a space, while the secret is changed over.",
        ),
    ]
}

fn example() -> Value {
    json!({
        "type": MessageKind::GrantNeedsReauthorization,
        "timestamp": "2026-11-21T09:30:00Z",
        "data": {
            "namespace": "default",
            "client": "crm",
            "grant": super::operations::GRANT,
            "event": 4711,
            "external_id": "user-7",
            "labels": { "team": "a" },
            "diagnosis": {
                "cause": "user_revoked",
                "certainty": "likely",
                "meaning": "The resource owner withdrew the access.",
                "evidence": ["invalid_grant: Token has been revoked."],
                "remedies": ["The user signs in again; the grant keeps its id."],
                "page": "https://grants.example/problems/user_revoked",
            },
            "reauthorize_url": "https://grants.example/connect/a-signed-link",
            "reauthorize_url_expires_at": "2026-11-28T09:30:00Z",
        },
    })
}

/// All of them as one, for people.
pub(super) fn in_one() -> Operation {
    let place = "{the url of a webhook}";
    let operation =
        Operation::new(Area::Webhooks, Method::POST, place, ("message", "What a webhook is sent"), WORDS);
    let operation = headers().into_iter().fold(operation, Operation::parameter);
    operation.body(named("WebhookMessage"), [("A grant has died", example())]).answers(Answer::new(
        204,
        "It has arrived, as with any 2xx. To be answered within 20 seconds; the body is not read.",
    ))
}

/// What has happened.
fn told(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::GrantConnected => "A user connected a grant, or one was imported",
        MessageKind::GrantDegraded => "A grant cannot be refreshed now, and may recover by itself",
        MessageKind::GrantNeedsReauthorization => "A grant is dead until its user signs in again",
        MessageKind::GrantRecovered => "A grant that was in trouble works again",
        MessageKind::ClientRejected => "A provider rejects a client's registration: its grants pause",
        MessageKind::ClientRecovered => "A client's registration works again",
        MessageKind::WebhookTest => "Somebody asked for a test message",
    }
}
