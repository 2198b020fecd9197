//! The courier's place, its cursor, and what it turns events into.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use evergrant_proto::{grant::StoreTime, name::HolderId, time::Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{Surroundings, read_word, registry, word};
use crate::{
    sqlite::codec::{counter, id, integer, json, parse},
    store::{Reason, StoreError, Unavailable},
    webhook::{DeliveryState, Incident, Lead, News, Outbox, Subject, Webhook},
};

/// How long a courier keeps its place without writing. One that has ended loses it at once; this is for one that stands
/// still.
const LEASE: Duration = Duration::from_secs(60);

/// Messages that are forgotten beside those that are written.
const FORGOTTEN_AT_ONCE: u32 = 64;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Lease {
    holder: HolderId,
    until: StoreTime,
}

struct Row {
    cursor: u64,
    fence: u64,
    lease: Option<Lease>,
}

fn read(connection: &Connection) -> Result<Row, StoreError> {
    let (cursor, fence, lease) = connection
        .prepare_cached("SELECT cursor, fence, lease FROM webhook_outbox")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?)))?;
    let lease = lease.map(|lease| parse("the lease of the webhooks", &lease)).transpose()?;
    Ok(Row { cursor: counter(cursor), fence: counter(fence), lease })
}

pub(super) fn outbox(connection: &Connection) -> Result<Outbox, StoreError> {
    let (wanted, newest, due) = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM webhooks), (SELECT coalesce(max(number), 0) FROM events),
                    (SELECT min(due_at) FROM webhook_deliveries WHERE due_at IS NOT NULL)",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?)))?;
    Ok(Outbox { wanted, cursor: read(connection)?.cursor, newest: counter(newest), due: due.map(Timestamp) })
}

pub(super) fn lead(connection: &Connection, surroundings: &Surroundings) -> Result<Option<Lead>, StoreError> {
    let row = read(connection)?;
    let holder = surroundings.presence.id();
    let fence = match row.lease {
        Some(lease) if lease.holder == holder => row.fence,
        Some(lease) if holds(surroundings, lease)? => return Ok(None),
        _ => row.fence + 1,
    };
    take(connection, surroundings, fence)?;
    Ok(Some(Lead { fence }))
}

fn holds(surroundings: &Surroundings, lease: Lease) -> Result<bool, StoreError> {
    let alive = surroundings
        .presence
        .is_alive(lease.holder)
        .map_err(|fault| Unavailable::new(Reason::Denied, fault))?;
    Ok(alive && !surroundings.now.is_past(lease.until))
}

fn take(connection: &Connection, surroundings: &Surroundings, fence: u64) -> Result<(), StoreError> {
    let lease = Lease { holder: surroundings.presence.id(), until: surroundings.now.plus(LEASE) };
    connection
        .prepare_cached("UPDATE webhook_outbox SET fence = ?1, lease = ?2")?
        .execute(params![integer(fence), json(&lease)])?;
    Ok(())
}

/// Goes on being the courier; false if another process is.
pub(super) fn renew(
    connection: &Connection,
    surroundings: &Surroundings,
    lead: Lead,
) -> Result<bool, StoreError> {
    if read(connection)?.fence != lead.fence {
        return Ok(false);
    }
    take(connection, surroundings, lead.fence)?;
    Ok(true)
}

pub(super) fn resign(connection: &Connection, lead: Lead) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE webhook_outbox SET lease = NULL WHERE fence = ?1")?
        .execute([integer(lead.fence)])?;
    Ok(())
}

pub(super) fn incidents(
    connection: &Connection,
    subjects: BTreeSet<Subject>,
) -> Result<BTreeMap<Subject, Incident>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT incident FROM webhook_incidents WHERE subject = ?1")?;
    let mut found = BTreeMap::new();
    for subject in subjects {
        let incident: Option<String> = statement.query_row([word(&subject)], |row| row.get(0)).optional()?;
        if let Some(incident) = incident {
            found.insert(subject, read_word("an incident", &incident)?);
        }
    }
    Ok(found)
}

pub(super) fn note(
    connection: &Connection,
    surroundings: &Surroundings,
    lead: Lead,
    news: &News,
) -> Result<bool, StoreError> {
    if read(connection)?.cursor != news.from || !renew(connection, surroundings, lead)? {
        return Ok(false);
    }
    connection.prepare_cached("UPDATE webhook_outbox SET cursor = ?1")?.execute([integer(news.to)])?;
    for (subject, incident) in &news.incidents {
        note_incident(connection, subject, *incident)?;
    }
    let mut webhooks = BTreeMap::new();
    for message in &news.messages {
        if !webhooks.contains_key(&message.namespace) {
            webhooks.insert(&message.namespace, registry::list(connection, &message.namespace)?);
        }
        let told: Vec<_> =
            webhooks[&message.namespace].iter().filter(|webhook| webhook.wants(message.kind)).collect();
        if !told.is_empty() {
            note_message(connection, message, &told)?;
        }
    }
    forget(connection, news.forget_before)?;
    Ok(true)
}

fn note_incident(
    connection: &Connection,
    subject: &Subject,
    incident: Option<Incident>,
) -> Result<(), StoreError> {
    match incident {
        Some(incident) => connection
            .prepare_cached("INSERT OR REPLACE INTO webhook_incidents (subject, incident) VALUES (?1, ?2)")?
            .execute([word(subject), word(&incident)])?,
        None => connection
            .prepare_cached("DELETE FROM webhook_incidents WHERE subject = ?1")?
            .execute([word(subject)])?,
    };
    Ok(())
}

fn note_message(
    connection: &Connection,
    message: &crate::webhook::Message,
    told: &[&Webhook],
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO webhook_messages (id, namespace, kind, created_at, record) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            id(message.id.0),
            message.namespace.as_str(),
            message.kind.as_str(),
            message.at.0,
            json(message)
        ])?;
    let number = connection.last_insert_rowid();
    for webhook in told {
        let held = webhook.disabled.is_some();
        let state = if held { DeliveryState::Held } else { DeliveryState::Pending };
        connection
            .prepare_cached(
                "INSERT INTO webhook_deliveries (webhook, message, subject, state, attempts, due_at)
                 VALUES (?1, ?2, ?3, ?4, 0, ?5)",
            )?
            .execute(params![
                id(webhook.id.0),
                number,
                word(&message.subject),
                word(&state),
                (!held).then_some(message.at.0)
            ])?;
    }
    Ok(())
}

fn forget(connection: &Connection, before: Timestamp) -> Result<(), StoreError> {
    let old: Vec<i64> = connection
        .prepare_cached(
            "SELECT number FROM webhook_messages WHERE created_at < ?1 ORDER BY created_at LIMIT ?2",
        )?
        .query_map(params![before.0, FORGOTTEN_AT_ONCE], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for number in old {
        connection.prepare_cached("DELETE FROM webhook_deliveries WHERE message = ?1")?.execute([number])?;
        connection.prepare_cached("DELETE FROM webhook_messages WHERE number = ?1")?.execute([number])?;
    }
    Ok(())
}
