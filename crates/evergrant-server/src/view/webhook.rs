//! A webhook, and what became of messages to it.

use evergrant::store::webhook::{
    Delivery, DeliveryState, DisabledReason, MessageId, MessageKind, Webhook, WebhookId,
};
use serde::Serialize;

use super::time;

#[derive(Debug, Serialize)]
pub(crate) struct WebhookView<'a> {
    id: WebhookId,
    url: &'a str,
    /// Empty: everything.
    types: Vec<MessageKind>,
    description: Option<&'a str>,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<DisabledView>,
    /// Failures since the last success.
    failures: u32,
    failing_since: Option<String>,
    last_failure: Option<&'a str>,
    last_success_at: Option<String>,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Serialize)]
struct DisabledView {
    at: String,
    reason: DisabledReason,
    /// What it means and what helps.
    meaning: &'static str,
}

impl<'a> WebhookView<'a> {
    pub(crate) fn new(webhook: &'a Webhook) -> Self {
        let health = &webhook.health;
        Self {
            id: webhook.id,
            url: &webhook.url.0,
            types: webhook.kinds.iter().copied().collect(),
            description: webhook.description.as_deref(),
            enabled: webhook.disabled.is_none(),
            disabled: webhook.disabled.map(|disabled| DisabledView {
                at: time(disabled.at),
                reason: disabled.reason,
                meaning: meaning(disabled.reason),
            }),
            failures: health.failures,
            failing_since: health.failing_since.map(time),
            last_failure: health.last_failure.as_deref(),
            last_success_at: health.last_success_at.map(time),
            created_at: time(webhook.created_at),
            updated_at: time(webhook.updated_at),
        }
    }
}

fn meaning(reason: DisabledReason) -> &'static str {
    match reason {
        DisabledReason::Gone => {
            "It answered 410 Gone. Enable it when it wants messages again, and replay what it missed."
        }
        DisabledReason::Failing => {
            "It has failed for five days without one success. Mend it, enable it, and replay what it missed."
        }
        DisabledReason::Asked => "Somebody disabled it. Enable it, and replay what it missed.",
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct DeliveryView {
    number: u64,
    message: MessageId,
    r#type: MessageKind,
    /// When what it tells happened.
    at: String,
    state: DeliveryState,
    attempts: u32,
    tried_at: Option<String>,
    due_at: Option<String>,
    failure: Option<String>,
}

impl DeliveryView {
    pub(crate) fn new(delivery: Delivery) -> Self {
        Self {
            number: delivery.number,
            message: delivery.message.id,
            r#type: delivery.message.kind,
            at: time(delivery.message.at),
            state: delivery.state,
            attempts: delivery.attempts,
            tried_at: delivery.tried_at.map(time),
            due_at: delivery.due_at.map(time),
            failure: delivery.failure,
        }
    }
}
