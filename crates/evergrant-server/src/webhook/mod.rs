//! Webhooks after Standard Webhooks: whoever wants to be told of incidents is told, signed and at least once.
//!
//! `incident` says which events begin and end an incident, `outbox` turns events into messages, `courier` is the process
//! that delivers them, `exchange` one delivery, `schedule` when to try again, `desk` what people do with webhooks.

mod courier;
mod desk;
mod exchange;
mod incident;
mod outbox;
mod payload;
mod schedule;
mod sign;
mod wording;

pub(crate) use self::courier::deliver;
pub use self::desk::{
    InvalidWebhook, NewWebhook, OLD_SECRET_SIGNS_FOR, Tested, WebhookError, WebhookUpdate, Webhooks,
};
