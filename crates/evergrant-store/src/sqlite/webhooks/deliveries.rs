//! Messages on their way.

use evergrant_proto::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{read_word, registry, word};
use crate::{
    key::KeyRing,
    sqlite::codec::{counter, id, integer, parse, rows},
    store::StoreError,
    webhook::{
        Delivery, DeliveryState, Message, Outcome, Parcel, Replay, Settled, Wanted, Webhook, WebhookId,
    },
};

/// What may be delivered now. Of messages about one subject the later ones wait for the earlier one. Costs what waits,
/// however many webhooks there are.
pub(super) fn parcels(
    connection: &Connection,
    keys: &KeyRing,
    wanted: &Wanted,
) -> Result<Vec<Parcel>, StoreError> {
    let mut waiting = waiting(connection, wanted.now)?;
    let turn = wanted.after.map_or(0, |last| waiting.partition_point(|webhook| *webhook <= last));
    waiting.rotate_left(turn);
    let mut parcels = Vec::new();
    for webhook in waiting {
        let Some(webhook) = registry::find_any(connection, webhook)? else { continue };
        let under_way = wanted.under_way.range((webhook.id, 0)..=(webhook.id, u64::MAX)).count();
        let room = webhook.room(wanted.now, wanted.each).saturating_sub(under_way);
        let room = room.min(wanted.limit - parcels.len());
        if room > 0 {
            parcels.extend(of_webhook(connection, keys, &webhook, wanted, room, under_way)?);
        }
    }
    Ok(parcels)
}

/// The webhooks to which something is due, by id: one step of the index for each of them.
fn waiting(connection: &Connection, now: Timestamp) -> Result<Vec<WebhookId>, StoreError> {
    let mut next = connection.prepare_cached(
        "SELECT webhook, due_at FROM webhook_deliveries WHERE due_at IS NOT NULL AND webhook > ?1
         ORDER BY webhook, due_at LIMIT 1",
    )?;
    let mut found = Vec::new();
    let mut last = Vec::new();
    while let Some((webhook, due)) =
        next.query_row([&last], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?))).optional()?
    {
        if due <= now.0 {
            found.push(WebhookId(u128::from_be_bytes(webhook)));
        }
        last = webhook.to_vec();
    }
    Ok(found)
}

fn of_webhook(
    connection: &Connection,
    keys: &KeyRing,
    webhook: &Webhook,
    wanted: &Wanted,
    room: usize,
    under_way: usize,
) -> Result<Vec<Parcel>, StoreError> {
    let due = connection
        .prepare_cached(DUE)?
        .query_map(params![id(webhook.id.0), wanted.now.0, rows(room + under_way)], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let due: Vec<_> = due
        .into_iter()
        .filter(|(number, ..)| !wanted.under_way.contains(&(webhook.id, counter(*number))))
        .take(room)
        .collect();
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let secrets = registry::secrets(connection, keys, webhook, wanted.now)?;
    let parcel = |(number, attempts, replays, message): (i64, u32, i64, String)| {
        Ok(Parcel {
            webhook: webhook.clone(),
            secrets: secrets.clone(),
            number: counter(number),
            message: parse("a message", &message)?,
            attempts,
            replays: counter(replays),
        })
    };
    due.into_iter().map(parcel).collect()
}

const DUE: &str = "SELECT due.message, due.attempts, due.replays, made.record
     FROM webhook_deliveries AS due JOIN webhook_messages AS made ON made.number = due.message
     WHERE due.webhook = ?1 AND due.due_at <= ?2 AND NOT EXISTS (
         SELECT 1 FROM webhook_deliveries AS before WHERE before.due_at IS NOT NULL
         AND before.webhook = due.webhook AND before.subject = due.subject AND before.message < due.message)
     ORDER BY due.due_at, due.message LIMIT ?3";

/// Records how a delivery ended. One whose webhook was removed meanwhile is nobody's; of one that was replayed meanwhile
/// another delivery is still to come.
pub(super) fn settle(connection: &Connection, settled: &Settled) -> Result<(), StoreError> {
    let Some(mut webhook) = registry::find_any(connection, settled.webhook)? else { return Ok(()) };
    let before = (webhook.health.clone(), webhook.disabled);
    let (state, due_at, failure) = match settled.outcome.clone() {
        Outcome::Delivered => {
            webhook.succeeded(settled.at);
            (DeliveryState::Delivered, None, None)
        }
        Outcome::Gone { failure } => {
            webhook.gone(settled.at, failure.clone());
            (DeliveryState::Held, None, Some(failure))
        }
        Outcome::Failed { failure, retry_at, rests_until } => {
            webhook.failed(settled.at, failure.clone(), rests_until);
            let state = if retry_at.is_some() { DeliveryState::Pending } else { DeliveryState::GivenUp };
            (state, retry_at, Some(failure))
        }
    };
    connection
        .prepare_cached(
            "UPDATE webhook_deliveries
             SET state = ?3, due_at = ?4, failure = ?5, tried_at = ?6, attempts = attempts + 1
             WHERE webhook = ?1 AND message = ?2 AND replays = ?7",
        )?
        .execute(params![
            id(settled.webhook.0),
            integer(settled.number),
            word(&state),
            due_at.map(|due: Timestamp| due.0),
            failure,
            settled.at.0,
            integer(settled.replays)
        ])?;
    // After the delivery: one that disables its webhook is held with the others.
    if before != (webhook.health.clone(), webhook.disabled) {
        registry::save(connection, &webhook)?;
    }
    Ok(())
}

/// Makes messages due again, also those from before the webhook was added.
pub(super) fn replay(
    connection: &Connection,
    webhook: &Webhook,
    which: Replay,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut replayed = 0;
    for (number, message) in found(connection, webhook, which)? {
        connection
            .prepare_cached(
                "INSERT INTO webhook_deliveries (webhook, message, subject, state, attempts, due_at)
                 VALUES (?1, ?2, ?3, ?4, 0, ?5)
                 ON CONFLICT DO UPDATE SET state = excluded.state, attempts = 0, due_at = excluded.due_at,
                     replays = replays + 1",
            )?
            .execute(params![
                id(webhook.id.0),
                number,
                word(&message.subject),
                word(&DeliveryState::Pending),
                now.0
            ])?;
        replayed += 1;
    }
    Ok(replayed)
}

fn found(
    connection: &Connection,
    webhook: &Webhook,
    which: Replay,
) -> Result<Vec<(i64, Message)>, StoreError> {
    let namespace = webhook.namespace.as_str();
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let texts: Vec<(i64, String)> = match which {
        Replay::Message(message) => connection
            .prepare_cached("SELECT number, record FROM webhook_messages WHERE namespace = ?1 AND id = ?2")?
            .query_row(params![namespace, id(message.0)], read)
            .optional()?
            .into_iter()
            .collect(),
        Replay::Since(time) => connection
            .prepare_cached(
                "SELECT number, record FROM webhook_messages WHERE namespace = ?1 AND created_at >= ?2",
            )?
            .query_map(params![namespace, time.0], read)?
            .collect::<rusqlite::Result<_>>()?,
    };
    let mut messages = Vec::with_capacity(texts.len());
    for (number, text) in texts {
        let message: Message = parse("a message", &text)?;
        // One that is asked for by its id is wanted, whatever the webhook has chosen.
        if matches!(which, Replay::Message(_)) || webhook.wants(message.kind) {
            messages.push((number, message));
        }
    }
    Ok(messages)
}

/// Deliveries of a webhook, the newest first.
pub(super) fn list(
    connection: &Connection,
    webhook: WebhookId,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Delivery>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT made.number, made.record, sent.state, sent.attempts, sent.tried_at, sent.due_at, sent.failure
             FROM webhook_deliveries AS sent JOIN webhook_messages AS made ON made.number = sent.message
             WHERE sent.webhook = ?1 AND sent.message < ?2 ORDER BY sent.message DESC LIMIT ?3",
        )?
        .query_map(params![id(webhook.0), before.map_or(i64::MAX, integer), rows(limit)], DeliveryRow::read)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    found.into_iter().map(DeliveryRow::open).collect()
}

struct DeliveryRow {
    number: i64,
    message: String,
    state: String,
    attempts: u32,
    tried_at: Option<i64>,
    due_at: Option<i64>,
    failure: Option<String>,
}

impl DeliveryRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            message: row.get(1)?,
            state: row.get(2)?,
            attempts: row.get(3)?,
            tried_at: row.get(4)?,
            due_at: row.get(5)?,
            failure: row.get(6)?,
        })
    }

    fn open(self) -> Result<Delivery, StoreError> {
        Ok(Delivery {
            number: counter(self.number),
            message: parse("a message", &self.message)?,
            state: read_word("a delivery", &self.state)?,
            attempts: self.attempts,
            tried_at: self.tried_at.map(Timestamp),
            due_at: self.due_at.map(Timestamp),
            failure: self.failure,
        })
    }
}
