//! Connections that wait for another request.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{connection::Connection, destination::Destination};

/// How long an idle connection may wait for its next request.
///
/// Short on purpose. A server that closes an idle connection just as a request goes out leaves the outcome
/// unknown, and with it the refresh token in doubt. The shortest idle timeout among common servers is 2 s
/// (gunicorn), then 5 s (Node, Apache, uvicorn); one second serves bursts and stays clear of all of them.
const IDLE_LIMIT: Duration = Duration::from_secs(1);

/// Most idle connections to one destination.
const MAX_IDLE_PER_DESTINATION: usize = 64;

/// Most idle connections altogether.
const MAX_IDLE: usize = 256;

/// Idle connections by destination. They are looked at when a request comes, never in the background.
#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    connections: HashMap<Destination, Vec<(Instant, Connection)>>,
    count: usize,
}

impl Pool {
    /// The most recently used connection that is still good.
    pub(super) fn take(&self, destination: &Destination, now: Instant) -> Option<Connection> {
        loop {
            let mut connection = self.idle().pop(destination, now)?;
            if connection.is_reusable() {
                return Some(connection);
            }
        }
    }

    /// Keeps `connection` for the next request, if there is room.
    pub(super) fn put(&self, destination: Destination, connection: Connection, now: Instant) {
        self.idle().push(destination, connection, now);
    }

    /// Closes every connection that has waited too long.
    pub(super) fn prune(&self, now: Instant) {
        self.idle().prune(now);
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Connections that a panic left behind are as good as any: each is checked before use.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn pop(&mut self, destination: &Destination, now: Instant) -> Option<Connection> {
        let (since, connection) = self.connections.get_mut(destination)?.pop()?;
        self.count -= 1;
        (now - since < IDLE_LIMIT).then_some(connection)
    }

    fn push(&mut self, destination: Destination, connection: Connection, now: Instant) {
        if self.count >= MAX_IDLE {
            self.prune(now);
        }
        let waiting = self.connections.entry(destination).or_default();
        if self.count < MAX_IDLE && waiting.len() < MAX_IDLE_PER_DESTINATION {
            waiting.push((now, connection));
            self.count += 1;
        }
    }

    fn prune(&mut self, now: Instant) {
        self.connections.retain(|_, waiting| {
            waiting.retain(|(since, _)| now - *since < IDLE_LIMIT);
            !waiting.is_empty()
        });
        self.count = self.connections.values().map(Vec::len).sum();
    }
}
