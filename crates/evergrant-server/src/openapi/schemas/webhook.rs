//! Webhooks.

use evergrant::store::webhook::{DeliveryState, DisabledReason, MessageKind};

use evergrant::proto::diagnosis::Certainty;

use super::{Named, external_id, grant_id, labels, message_id, webhook_id};
use crate::openapi::schema::{
    Schema, address, count, flag, list, name, named, names_of, object, one_of, text, time,
};

pub(super) fn schemas() -> Named {
    vec![
        ("Webhook", webhook()),
        ("AddedWebhook", webhook().always("secret", secret(), "Verifies its messages. Shown this once.")),
        ("Webhooks", object().always("webhooks", list(named("Webhook")), "The oldest first.")),
        ("RotatedSecret", rotated()),
        ("TestedWebhook", tested()),
        ("Deliveries", deliveries()),
        ("WebhookMessage", message()),
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

/// What the courier posts. Thin: whoever wants more asks for the grant.
fn message() -> Schema {
    let diagnosis = object()
        .always("cause", named("Cause"), "What it is held to be.")
        .always("certainty", names_of::<Certainty>(), "How sure that is.")
        .always("meaning", text(), "What the cause means, in one sentence.")
        .always("evidence", list(text()), "Plain sentences; no secrets.")
        .always("remedies", list(text()), "What helps, in sentences, the first step first.")
        .always("page", address(), "The page of the cause, on this server.");
    let data = object()
        .always("namespace", name(), "The namespace.")
        .maybe("webhook", webhook_id(), "Of `webhook.test`: the webhook that is tried.")
        .maybe("client", name(), "The client.")
        .maybe("event", count(), "The event of the log that it tells of.")
        .maybe("grant", grant_id(), "The grant, if it is about one.")
        .maybe("external_id", external_id(), "Whose it is, in your own words.")
        .maybe("labels", labels(), "Your own words.")
        .maybe("diagnosis", diagnosis, "What is held to be the cause, if something failed.")
        .maybe(
            "reauthorize_url",
            address(),
            "Of `grant.needs_reauthorization`: where the user of the grant repairs it.",
        )
        .maybe("reauthorize_url_expires_at", time(), "Until when that link leads there.");
    object()
        .always("type", any_kind(), "What it tells.")
        .always("timestamp", time(), "When that happened.")
        .always("data", data, "About whom, and why.")
        .meaning("What is posted to a webhook, signed. No secret.")
}
