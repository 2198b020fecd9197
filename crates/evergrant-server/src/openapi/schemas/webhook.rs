//! Webhooks.

use evergrant::store::webhook::{DeliveryState, DisabledReason, MessageKind};

use super::{Named, message_id, webhook_id};
use crate::openapi::schema::{
    Schema, address, count, flag, list, named, names_of, object, one_of, text, time,
};

pub(super) fn schemas() -> Named {
    vec![
        ("Webhook", webhook()),
        ("AddedWebhook", webhook().always("secret", secret(), "Verifies its messages. Shown this once.")),
        ("Webhooks", object().always("webhooks", list(named("Webhook")), "The oldest first.")),
        ("RotatedSecret", rotated()),
        ("TestedWebhook", tested()),
        ("Deliveries", deliveries()),
    ]
}

/// What a webhook can choose.
pub(in crate::openapi) fn chosen_kinds() -> Schema {
    one_of(MessageKind::CHOICE.map(MessageKind::as_str))
}

fn any_kind() -> Schema {
    one_of(MessageKind::CHOICE.into_iter().chain([MessageKind::WebhookTest]).map(MessageKind::as_str))
}

fn secret() -> Schema {
    text().shown_once()
}

fn webhook() -> Schema {
    let disabled = object()
        .always("at", time(), "Since when.")
        .always("reason", names_of::<DisabledReason>(), "Why.")
        .always("meaning", text(), "What that means, and what helps.");
    object()
        .always("id", webhook_id(), "Its id.")
        .always("url", address(), "Where messages are posted to.")
        .always("types", list(chosen_kinds()), "What it wants to be told; empty: everything.")
        .always("description", text().or_null(), "What you call it.")
        .always("enabled", flag(), "Whether messages are delivered to it.")
        .maybe("disabled", disabled, "Why not.")
        .always("failures", count(), "Failures since the last success.")
        .always("failing_since", time().or_null(), "Since when it has failed.")
        .always("last_failure", text().or_null(), "The last failure, in one sentence.")
        .always("last_success_at", time().or_null(), "When it last took a message.")
        .always("created_at", time(), "When it was added.")
        .always("updated_at", time(), "When it was last changed.")
}

fn rotated() -> Schema {
    object().always("secret", secret(), "The new secret. Shown this once.").always(
        "previous_signs_until",
        time(),
        "Until when the secret before signs as well.",
    )
}

fn tested() -> Schema {
    object()
        .always("message", message_id(), "The message that was sent.")
        .always("delivered", flag(), "Whether it arrived.")
        .maybe("failure", text(), "Why not.")
}

fn deliveries() -> Schema {
    let delivery = object()
        .always("number", count(), "Its place among the deliveries.")
        .always("message", message_id(), "The message: `webhook-id` of the request.")
        .always("type", any_kind(), "What it tells.")
        .always("at", time(), "When what it tells happened.")
        .always("state", names_of::<DeliveryState>(), "Where it stands.")
        .always("attempts", count(), "How often it was tried.")
        .always("tried_at", time().or_null(), "When it was last tried.")
        .always("due_at", time().or_null(), "When it is tried next.")
        .always("failure", text().or_null(), "Why the last try failed.");
    object().always("deliveries", list(delivery), "The newest first.").always(
        "next",
        count().or_null(),
        "What to ask with next, as `before`; `null`: these were the oldest.",
    )
}
