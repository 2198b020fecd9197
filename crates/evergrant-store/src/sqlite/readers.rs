//! Reading beside the writer: connections that are kept for the next reader.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{clients::ClientCache, connect};
use crate::store::{Pending, Reason, StoreError, Unavailable};

/// Connections for reading. Whoever comes while all are busy waits for one, which is sooner there than a new one
/// that has to read the schema first.
const CONNECTIONS: usize = 4;

/// A connection, and the clients that were read through it.
#[derive(Debug)]
struct Reader {
    connection: Connection,
    clients: ClientCache,
}

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub(super) fn of(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, places: Arc::new(Semaphore::new(CONNECTIONS)), idle: Mutex::default() })
    }

    /// Reads in one transaction, on a thread that may block.
    pub(super) fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection, &mut ClientCache) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<'static, T> {
        let readers = Arc::clone(self);
        Box::pin(async move {
            let place = Arc::clone(&readers.places).acquire_owned().await;
            let place = place.expect("the places are never closed");
            let reading = tokio::task::spawn_blocking(move || {
                let outcome = readers.read_here(work);
                drop(place);
                outcome
            });
            reading.await.unwrap_or_else(|error| Err(Unavailable::new(Reason::Closed, error).into()))
        })
    }

    fn read_here<T>(
        &self,
        work: impl FnOnce(&Connection, &mut ClientCache) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader { connection: connect::open_reader(&self.path)?, clients: ClientCache::default() },
        };
        // A connection on which anything fails is not kept: it could go on reading the past.
        reader.connection.prepare_cached("BEGIN")?.execute([])?;
        reader.clients.disturb();
        let outcome = work(&reader.connection, &mut reader.clients)?;
        reader.connection.prepare_cached("COMMIT")?.execute([])?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        Ok(outcome)
    }
}
