//! A webhook: an address that wants to be told.

use std::{collections::BTreeSet, fmt, time::Duration};

use evergrant_proto::{name::Namespace, time::Timestamp};
use serde::{Deserialize, Serialize};

use super::{MessageKind, WebhookId};

/// A webhook that has failed for this long without one success is disabled. Longer than all attempts at one message
/// together, and than a weekend.
pub const FAILING_FOR: Duration = Duration::from_secs(5 * 86_400);

/// One webhook. Its secrets are kept sealed beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is, and of whose grants it is told.
    pub namespace: Namespace,
    /// Where messages are posted to.
    pub url: WebhookUrl,
    /// What it wants to be told; nothing chosen: everything.
    pub kinds: BTreeSet<MessageKind>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When somebody changed it last.
    pub updated_at: Timestamp,
    /// Why nothing is delivered to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
    /// How it fares.
    #[serde(default)]
    pub health: Health,
}

/// The address of a webhook. Some hold a token, so it is shown to its owner only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookUrl(pub String);

/// Since when and why nothing is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: DisabledReason,
}

/// Why nothing is delivered to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// It answered 410 Gone.
    Gone,
    /// It has failed for days.
    Failing,
    /// Somebody disabled it.
    Asked,
}

/// How deliveries to a webhook have gone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Failures since the last success.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// Nothing is delivered before this time.
    pub rests_until: Option<Timestamp>,
    /// What the last failure was, in one sentence.
    pub last_failure: Option<String>,
    /// When the last success was.
    pub last_success_at: Option<Timestamp>,
}

/// What somebody changes of a webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// Another address.
    pub url: Option<WebhookUrl>,
    /// Another choice.
    pub kinds: Option<BTreeSet<MessageKind>>,
    /// Another description; an empty one takes it away.
    pub description: Option<String>,
    /// Whether messages are delivered.
    pub enabled: Option<bool>,
}

impl Webhook {
    /// Whether it wants to be told this.
    pub fn wants(&self, kind: MessageKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Applies a change. One that is enabled, or gets another address, begins with a clean record.
    pub fn apply(&mut self, change: WebhookChange, now: Timestamp) {
        let moved = change.url.as_ref().is_some_and(|url| *url != self.url);
        if moved || change.enabled == Some(true) && self.disabled.is_some() {
            self.health = Health { last_success_at: self.health.last_success_at, ..Health::default() };
        }
        if let Some(url) = change.url {
            self.url = url;
        }
        if let Some(kinds) = change.kinds {
            self.kinds = kinds;
        }
        if let Some(description) = change.description {
            self.description = Some(description).filter(|text| !text.is_empty());
        }
        match change.enabled {
            Some(true) => self.disabled = None,
            Some(false) if self.disabled.is_none() => {
                self.disabled = Some(Disabled { at: now, reason: DisabledReason::Asked });
            }
            _ => {}
        }
        self.updated_at = now;
    }

    /// A message arrived.
    pub fn succeeded(&mut self, at: Timestamp) {
        self.health = Health { last_success_at: Some(at), ..Health::default() };
    }

    /// A message did not arrive. Nothing is delivered before `rests_until`.
    pub fn failed(&mut self, at: Timestamp, failure: String, rests_until: Timestamp) {
        let health = &mut self.health;
        let since = *health.failing_since.get_or_insert(at);
        health.failures = health.failures.saturating_add(1);
        health.rests_until = Some(rests_until);
        health.last_failure = Some(failure);
        if self.disabled.is_none() && at.since(since) >= FAILING_FOR {
            self.disabled = Some(Disabled { at, reason: DisabledReason::Failing });
        }
    }

    /// It wants no messages any more.
    pub fn gone(&mut self, at: Timestamp, failure: String) {
        self.health.last_failure = Some(failure);
        self.disabled.get_or_insert(Disabled { at, reason: DisabledReason::Gone });
    }

    /// How many deliveries may be under way at `now`: a webhook that fails gets one at a time, after a rest.
    pub fn room(&self, now: Timestamp, each: usize) -> usize {
        let rests = self.health.rests_until.is_some_and(|until| now < until);
        match self.health.failures {
            _ if self.disabled.is_some() || rests => 0,
            0 => each,
            _ => each.min(1),
        }
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookUrl(***)")
    }
}
