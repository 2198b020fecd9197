//! Messages and their deliveries.

use evergrant_proto::{
    name::{ClientName, GrantId, Namespace},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{MessageId, MessageKind, Webhook, WebhookId, WebhookSecret};

/// What an incident is about. Messages about one subject are delivered in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A grant.
    Grant(GrantId),
    /// A client.
    Client(Namespace, ClientName),
}

/// An incident of which somebody was told and that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Incident {
    /// The grant cannot be refreshed now.
    Degraded,
    /// The grant is dead until its resource owner authorizes again.
    Dead,
    /// The client's registration is rejected.
    Rejected,
    /// The client's registration was rejected and has been changed since: the next success shows that it works.
    Corrected,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its id, the same in every delivery.
    pub id: MessageId,
    /// What it tells.
    pub kind: MessageKind,
    /// Whose it is.
    pub namespace: Namespace,
    /// What it is about.
    pub subject: Subject,
    /// When it happened.
    pub at: Timestamp,
    /// What there is to say. Holds no secret.
    pub data: Value,
}

/// One message on its way to one webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// The webhook.
    pub webhook: Webhook,
    /// What signs, the newest first.
    pub secrets: Vec<WebhookSecret>,
    /// The message's number.
    pub number: u64,
    /// The message.
    pub message: Message,
    /// How often it was tried before.
    pub attempts: u32,
    /// How often it was replayed before.
    pub replays: u64,
}

/// How a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The webhook.
    pub webhook: WebhookId,
    /// The message's number.
    pub number: u64,
    /// As its parcel has it: one that was replayed meanwhile still has to go out.
    pub replays: u64,
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
}

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// The receiver wants no messages any more.
    Gone {
        /// One sentence.
        failure: String,
    },
    /// It may not have arrived.
    Failed {
        /// One sentence, without anything that the receiver said.
        failure: String,
        /// When to try again; `None`: it was tried often enough.
        retry_at: Option<Timestamp>,
        /// Nothing else is delivered to the webhook before this time.
        rests_until: Timestamp,
    },
}

/// A message and what became of it at one webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The message's number: they only grow.
    pub number: u64,
    /// The message.
    pub message: Message,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last.
    pub tried_at: Option<Timestamp>,
    /// When it is tried next.
    pub due_at: Option<Timestamp>,
    /// Why the last try failed.
    pub failure: Option<String>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits for its turn or its next try.
    #[default]
    Pending,
    /// The receiver has it.
    Delivered,
    /// It was tried often enough.
    GivenUp,
    /// Its webhook is disabled: it goes out when somebody replays it.
    Held,
}
