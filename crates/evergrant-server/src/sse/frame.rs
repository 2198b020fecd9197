//! Events on the wire.

use bytes::Bytes;
use evergrant::{
    proto::{
        grant::EventKind,
        name::{ClientName, GrantId, Namespace},
        remedy_rates::Rates,
    },
    store::NumberedEvent,
};
use serde_json::json;

use crate::view::EventView;

/// Which events somebody wants.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// The tenant.
    pub(crate) namespace: Namespace,
    /// Only those of this grant.
    pub(crate) grant: Option<GrantId>,
    /// Only those of this client and its grants.
    pub(crate) client: Option<ClientName>,
    /// Only these; empty: all.
    pub(crate) kinds: Vec<EventKind>,
}

impl Filter {
    pub(crate) fn wants(&self, NumberedEvent { event, .. }: &NumberedEvent) -> bool {
        event.namespace == self.namespace
            && self.grant.is_none_or(|grant| event.grant == Some(grant))
            && self.client.as_ref().is_none_or(|client| event.client == *client)
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
    }
}

/// What the reader sends to everybody.
#[derive(Debug)]
pub(crate) enum Frame {
    /// An event, and its bytes.
    Event(Box<NumberedEvent>, Bytes),
    /// Nothing has happened for a while; every event up to this number has been sent.
    Heartbeat(u64),
}

/// An event's bytes.
pub(crate) fn event(event: &NumberedEvent, rates: &Rates) -> Bytes {
    let view = EventView::new(event, rates);
    let kind = name(event.event.kind);
    let data = serde_json::to_string(&view).expect("an event is plain data");
    format!("id: {}\nevent: {kind}\ndata: {data}\n\n", event.number).into()
}

/// A sign of life. The number lets a listener whose filter lets little through come back without reading all of it again.
pub(crate) fn heartbeat(number: u64) -> Bytes {
    format!(": heartbeat\nid: {number}\n\n").into()
}

/// What comes first: when to come back, and from where even if nothing happens until then.
pub(crate) fn greeting(number: u64) -> Bytes {
    format!("retry: 2000\nid: {number}\n\n").into()
}

/// Why events are missing between the number that a listener came with and the first that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Events up to this number were forgotten.
    Forgotten { after: u64, up_to: u64 },
    /// The log has never come that far: it is another one, or was restored from a backup.
    Unknown { after: u64, newest: u64 },
}

impl Gap {
    /// What a listener is told instead of the events.
    pub(crate) fn bytes(self) -> Bytes {
        format!("event: gap\ndata: {}\n\n", self.json()).into()
    }

    pub(crate) fn json(self) -> serde_json::Value {
        match self {
            Self::Forgotten { after, up_to } => json!({
                "reason": "forgotten",
                "after": after,
                "up_to": up_to,
                "meaning": "Events after the one that you have seen last were older than they are kept and are gone; read the grants for how they stand.",
            }),
            Self::Unknown { after, newest } => json!({
                "reason": "unknown",
                "after": after,
                "up_to": newest,
                "meaning": "This log has never had an event of that number: the store was restored or is another one; read the grants for how they stand.",
            }),
        }
    }
}

/// A kind's name.
pub(crate) fn name(kind: EventKind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("a kind of event is a name"),
    }
}
