//! Who is told.

use evergrant_proto::{name::Namespace, time::Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use crate::{
    key::KeyRing,
    seal::SealedPlace,
    sqlite::codec::{damaged, id, json, parse, unseal},
    store::StoreError,
    webhook::{HeldSecret, Webhook, WebhookChange, WebhookId, WebhookSecret},
};

pub(super) fn list(connection: &Connection, namespace: &Namespace) -> Result<Vec<Webhook>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT record FROM webhooks WHERE namespace = ?1 ORDER BY id")?;
    let texts = statement.query_map([namespace.as_str()], |row| row.get(0))?;
    texts.map(|text: rusqlite::Result<String>| parse("a webhook", &text?)).collect()
}

pub(super) fn find(
    connection: &Connection,
    namespace: &Namespace,
    webhook: WebhookId,
) -> Result<Option<Webhook>, StoreError> {
    let text: Option<String> = connection
        .prepare_cached("SELECT record FROM webhooks WHERE id = ?1 AND namespace = ?2")?
        .query_row(params![id(webhook.0), namespace.as_str()], |row| row.get(0))
        .optional()?;
    text.map(|text| parse("a webhook", &text)).transpose()
}

/// One webhook, whosever it is.
pub(super) fn find_any(connection: &Connection, webhook: WebhookId) -> Result<Option<Webhook>, StoreError> {
    let text: Option<String> = connection
        .prepare_cached("SELECT record FROM webhooks WHERE id = ?1")?
        .query_row([id(webhook.0)], |row| row.get(0))
        .optional()?;
    text.map(|text| parse("a webhook", &text)).transpose()
}

pub(super) fn add(
    connection: &Connection,
    keys: &KeyRing,
    webhook: &Webhook,
    secret: WebhookSecret,
    most: usize,
) -> Result<bool, StoreError> {
    if list(connection, &webhook.namespace)?.len() >= most {
        return Ok(false);
    }
    let first: bool =
        connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM webhooks)", [], |row| row.get(0))?;
    if first {
        // Nobody wanted to be told of what happened before, and incidents that have ended since were not noticed.
        connection.execute_batch(
            "UPDATE webhook_outbox SET cursor = (SELECT coalesce(max(number), 0) FROM events);
             DELETE FROM webhook_incidents;",
        )?;
    }
    let secrets = seal(keys, webhook, &[HeldSecret { secret, until: None }]);
    connection
        .prepare_cached("INSERT INTO webhooks (id, namespace, record, secrets) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id(webhook.id.0), webhook.namespace.as_str(), json(webhook), secrets])?;
    Ok(true)
}

pub(super) fn change(
    connection: &Connection,
    namespace: &Namespace,
    webhook: WebhookId,
    change: WebhookChange,
    now: Timestamp,
) -> Result<Option<Webhook>, StoreError> {
    let Some(mut webhook) = find(connection, namespace, webhook)? else { return Ok(None) };
    webhook.apply(change, now);
    save(connection, &webhook)?;
    Ok(Some(webhook))
}

/// Writes a webhook that exists. One that is disabled gets nothing more until somebody replays it.
pub(super) fn save(connection: &Connection, webhook: &Webhook) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE webhooks SET record = ?2 WHERE id = ?1")?
        .execute(params![id(webhook.id.0), json(webhook)])?;
    if webhook.disabled.is_some() {
        connection
            .prepare_cached(
                "UPDATE webhook_deliveries SET state = '\"held\"', due_at = NULL
                 WHERE webhook = ?1 AND due_at IS NOT NULL",
            )?
            .execute([id(webhook.id.0)])?;
    }
    Ok(())
}

pub(super) fn rotate(
    connection: &Connection,
    keys: &KeyRing,
    (namespace, webhook): (&Namespace, WebhookId),
    secret: WebhookSecret,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<Webhook>, StoreError> {
    let Some(mut webhook) = find(connection, namespace, webhook)? else { return Ok(None) };
    let mut held = vec![HeldSecret { secret, until: None }];
    for mut older in held_secrets(connection, keys, &webhook)? {
        let end = older.until.map_or(until, |end| end.min(until));
        older.until = Some(end);
        if now < end && held.len() < MOST_SECRETS {
            held.push(older);
        }
    }
    connection
        .prepare_cached("UPDATE webhooks SET secrets = ?2 WHERE id = ?1")?
        .execute(params![id(webhook.id.0), seal(keys, &webhook, &held)])?;
    webhook.updated_at = now;
    save(connection, &webhook)?;
    Ok(Some(webhook))
}

/// Secrets that sign at once: each is a signature in a header.
const MOST_SECRETS: usize = 4;

pub(super) fn remove(
    connection: &Connection,
    namespace: &Namespace,
    webhook: WebhookId,
) -> Result<bool, StoreError> {
    let removed = connection
        .prepare_cached("DELETE FROM webhooks WHERE id = ?1 AND namespace = ?2")?
        .execute(params![id(webhook.0), namespace.as_str()])?;
    if removed > 0 {
        connection
            .prepare_cached("DELETE FROM webhook_deliveries WHERE webhook = ?1")?
            .execute([id(webhook.0)])?;
    }
    Ok(removed > 0)
}

/// The secrets that sign at `now`, the newest first.
pub(super) fn secrets(
    connection: &Connection,
    keys: &KeyRing,
    webhook: &Webhook,
    now: Timestamp,
) -> Result<Vec<WebhookSecret>, StoreError> {
    let held = held_secrets(connection, keys, webhook)?;
    let signs = |held: &HeldSecret| held.until.is_none_or(|until| now < until);
    Ok(held.into_iter().filter(signs).map(|held| held.secret).collect())
}

fn held_secrets(
    connection: &Connection,
    keys: &KeyRing,
    webhook: &Webhook,
) -> Result<Vec<HeldSecret>, StoreError> {
    let blob: Vec<u8> = connection
        .prepare_cached("SELECT secrets FROM webhooks WHERE id = ?1")?
        .query_row([id(webhook.id.0)], |row| row.get(0))?;
    let record = webhook.id.to_string();
    let held = unseal(keys, &place(webhook, &record), Some(&blob), |plain| serde_json::from_slice(plain))?;
    held.ok_or_else(|| damaged(format_args!("the secrets of webhook {record}")))
}

fn seal(keys: &KeyRing, webhook: &Webhook, held: &[HeldSecret]) -> Vec<u8> {
    let plain = Zeroizing::new(serde_json::to_vec(held).expect("texts and numbers always serialize"));
    keys.seal(&place(webhook, &webhook.id.to_string()), &plain)
}

fn place<'a>(webhook: &'a Webhook, record: &'a str) -> SealedPlace<'a> {
    SealedPlace { namespace: webhook.namespace.as_str(), record, field: "secrets", generation: 0 }
}
