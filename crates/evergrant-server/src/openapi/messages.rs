//! What webhooks are told: requests that this server makes, and so the `webhooks` of the document.

use evergrant::store::webhook::MessageKind;
use serde_json::{Map, Value, json};

use super::{
    area::Area,
    schema::{Schema, pattern, text},
    schemas::message_id,
};

/// Every kind of message, with the request that brings it.
pub(super) fn webhooks() -> Map<String, Value> {
    let kinds = MessageKind::CHOICE.into_iter().chain([MessageKind::WebhookTest]);
    kinds.map(|kind| (kind.as_str().to_owned(), json!({ "post": request(kind) }))).collect()
}

fn request(kind: MessageKind) -> Value {
    json!({
        "operationId": kind.as_str(),
        "tags": [Area::Webhooks.title()],
        "summary": told(kind),
        "description": "Delivered at least once, signed as Standard Webhooks has it; docs/webhooks.md says how to verify it.",
        "parameters": headers(),
        "requestBody": {
            "required": true,
            "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/WebhookMessage" },
            } },
        },
        "responses": {
            "2XX": { "description": "It has arrived. To be answered within 20 seconds; the body is not read." },
            "410": { "description": "No messages are wanted any more: the webhook is disabled." },
            "default": { "description": "It has not arrived, and is tried again." },
        },
        "security": [],
    })
}

fn headers() -> Vec<Value> {
    let header = |(name, schema, words): (&str, Schema, &str)| json!({ "name": name, "in": "header", "required": true, "schema": Value::from(schema), "description": words });
    let headers = [
        ("webhook-id", message_id(), "The message: the same in every try."),
        ("webhook-timestamp", pattern("^[0-9]+$"), "When this try was made, in seconds since 1970."),
        (
            "webhook-signature",
            text(),
            "`v1,` and the HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}` in Base64; two of them, separated by \
             a space, while the secret is changed over.",
        ),
    ];
    headers.map(header).into()
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
