//! Webhooks: who is told of incidents, what there is to tell, and how far the telling has come.
//!
//! The event log is the outbox: an event is committed together with what it tells of. One process at a time, the
//! *courier*, turns events into messages behind a cursor and delivers them; its lease has a fence, and nothing that it
//! writes counts once the fence has grown. A message and the cursor that has passed its event are one transaction, so a
//! crash loses none and makes none twice; a delivery whose outcome was not written is repeated under the same id.

mod endpoint;
mod id;
mod kind;
mod message;
mod secret;

use std::collections::{BTreeMap, BTreeSet};

use evergrant_proto::{name::Namespace, time::Timestamp};

pub use self::{
    endpoint::{Disabled, DisabledReason, FAILING_FOR, Health, Webhook, WebhookChange, WebhookUrl},
    id::{InvalidWebhookId, MessageId, WebhookId},
    kind::{MessageKind, UnknownMessageKind},
    message::{Delivery, DeliveryState, Incident, Message, Outcome, Parcel, Settled, Subject},
    secret::{HeldSecret, InvalidWebhookSecret, WebhookSecret},
};
use crate::store::Pending;

/// Webhooks as a store keeps them. Another namespace's webhook is none.
pub trait WebhookStore: Send + Sync {
    /// The webhooks of a namespace, the oldest first.
    fn list_webhooks(&self, namespace: Namespace) -> Pending<'_, Vec<Webhook>>;

    /// One webhook.
    fn webhook(&self, namespace: Namespace, id: WebhookId) -> Pending<'_, Option<Webhook>>;

    /// One webhook with the secrets that sign at `now`, the newest first.
    fn webhook_secrets(
        &self,
        namespace: Namespace,
        id: WebhookId,
        now: Timestamp,
    ) -> Pending<'_, Option<(Webhook, Vec<WebhookSecret>)>>;

    /// Adds a webhook. It is told of what happens from now on. False: there are as many as there may be.
    fn add_webhook(&self, webhook: Webhook, secret: WebhookSecret, most: usize) -> Pending<'_, bool>;

    /// Changes a webhook; returns what it is then.
    fn change_webhook(
        &self,
        namespace: Namespace,
        id: WebhookId,
        change: WebhookChange,
        now: Timestamp,
    ) -> Pending<'_, Option<Webhook>>;

    /// Gives a webhook a new secret; the ones before sign beside it until `until`.
    fn rotate_webhook_secret(
        &self,
        namespace: Namespace,
        id: WebhookId,
        secret: WebhookSecret,
        until: Timestamp,
        now: Timestamp,
    ) -> Pending<'_, Option<Webhook>>;

    /// Removes a webhook with its deliveries; whether there was one.
    fn remove_webhook(&self, namespace: Namespace, id: WebhookId) -> Pending<'_, bool>;

    /// Deliveries of a webhook, the newest first.
    fn deliveries(
        &self,
        namespace: Namespace,
        id: WebhookId,
        before: Option<u64>,
        limit: usize,
    ) -> Pending<'_, Option<Vec<Delivery>>>;

    /// Delivers messages again, under their own ids; how many.
    fn replay_messages(
        &self,
        namespace: Namespace,
        id: WebhookId,
        which: Replay,
        now: Timestamp,
    ) -> Pending<'_, Option<u64>>;

    /// What waits for a courier. Reads only.
    fn outbox(&self) -> Pending<'_, Outbox>;

    /// Becomes the courier, or goes on being it. `None`: another process is.
    fn lead(&self) -> Pending<'_, Option<Lead>>;

    /// Leaves the courier's place to whoever comes. One that has lost it already leaves nothing.
    fn resign(&self, lead: Lead) -> Pending<'_, ()>;

    /// The open incidents among these subjects.
    fn incidents(&self, subjects: BTreeSet<Subject>) -> Pending<'_, BTreeMap<Subject, Incident>>;

    /// Writes messages, incidents and the cursor that has passed their events, together. False: another process is the
    /// courier now, and nothing was written.
    fn note(&self, lead: Lead, news: News) -> Pending<'_, bool>;

    /// What may be delivered now: of each webhook and subject the oldest alone.
    fn parcels(&self, wanted: Wanted) -> Pending<'_, Vec<Parcel>>;

    /// Records how deliveries ended. False: another process is the courier now, and nothing was written.
    fn settle(&self, lead: Lead, settled: Vec<Settled>) -> Pending<'_, bool>;
}

/// Which messages to deliver again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// This one.
    Message(MessageId),
    /// All that were made at this time or later, delivered or not.
    Since(Timestamp),
}

/// What waits for a courier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outbox {
    /// Whether there is anybody to tell.
    pub wanted: bool,
    /// The number of the last event that was turned into messages.
    pub cursor: u64,
    /// The number of the newest event.
    pub newest: u64,
    /// When the next delivery is due.
    pub due: Option<Timestamp>,
}

/// The right to be the courier, as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// Grows whenever another process takes it.
    pub fence: u64,
}

/// What events have become.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The cursor that they were read behind.
    pub from: u64,
    /// The number of the last of them.
    pub to: u64,
    /// What there is to tell.
    pub messages: Vec<Message>,
    /// Incidents that have begun, changed, or (`None`) ended.
    pub incidents: BTreeMap<Subject, Option<Incident>>,
    /// Messages made before this time are forgotten, a few at a time.
    pub forget_before: Timestamp,
}

/// Which deliveries a courier asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What is due at this time or before.
    pub now: Timestamp,
    /// Deliveries under way, which are not wanted twice.
    pub under_way: BTreeSet<(WebhookId, u64)>,
    /// At most so many to one webhook at once. One that fails gets one.
    pub each: usize,
    /// At most so many.
    pub limit: usize,
    /// Begin with the webhook after this one, so that each has its turn.
    pub after: Option<WebhookId>,
}
