//! Adding a client and changing its configuration.

use super::{Change, Conflict, Loaded, Reply};
use crate::{
    client::{Breaker, ClientRecord, Learned, Probation},
    grant::EventKind,
    time::Timestamp,
};

/// Adds a client, or changes one. New credentials close its breaker at once, and everything resumes.
#[derive(Debug, Clone, PartialEq)]
pub struct PutClient {
    /// The client as it shall be; version and breaker are set here.
    pub record: ClientRecord,
    /// The version that the change was made from; `None` adds.
    pub replaces: Option<u64>,
    /// Wall clock.
    pub wall: Timestamp,
}

pub(super) fn put_client(loaded: &Loaded, command: &PutClient) -> Result<Change, Conflict> {
    let held = loaded.client.as_ref().map(|client| client.version);
    if held != command.replaces {
        return Err(held.map_or(Conflict::NoSuchClient, Conflict::ClientChanged));
    }
    let mut client = command.record.clone();
    client.version = held.unwrap_or(0) + 1;
    client.breaker = Breaker::default();
    // What was seen of another registration, or of another server, says nothing about this one.
    let same = loaded.client.as_ref().filter(|before| {
        (&before.provider.id, &before.endpoints, &before.identifier, before.authentication)
            == (&client.provider.id, &client.endpoints, &client.identifier, client.authentication)
    });
    client.learned = same.map_or_else(Learned::default, |before| before.learned);
    client.probation = loaded.client.as_ref().map_or_else(Probation::default, |before| before.probation);
    client.created_at = loaded.client.as_ref().map_or(command.wall, |before| before.created_at);
    client.updated_at = command.wall;
    let event = client.event(EventKind::ClientUpdated, command.wall);
    let resume = Some((client.namespace.clone(), client.name.clone()));
    let reply = Reply::Client(Box::new(client.clone()));
    Ok(Change { client: Some(client), events: vec![event], resume, ..Change::none(reply) })
}
