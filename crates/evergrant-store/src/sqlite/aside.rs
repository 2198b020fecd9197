//! Transactions beside the batches of commands: what changes seldom, and what is executed once.

use std::slice;

use evergrant_proto::transaction::{Command, Reply};
use rusqlite::Connection;

use super::{
    connect, idempotency,
    identity::Identity,
    worker::{Worker, may_have_landed},
};
use crate::{
    once::{Executed, Once},
    store::StoreError,
};

impl Worker {
    /// Writes in a transaction of its own. `Ok` means durable.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.begin()?;
        let written = self.recognized().and_then(|_| work(&self.connection));
        match written {
            Ok(value) => self.finish().map(|()| value),
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Executes a command unless it was executed before, and keeps its answer in the same transaction. After a commit of
    /// unknown fate it is executed again, and finds its answer if that commit has landed.
    pub(super) fn execute_once(&mut self, command: &Command, once: &Once) -> Result<Executed, StoreError> {
        match self.try_once(command, once) {
            Err(StoreError::Ambiguous(fault)) => {
                if let Ok(connection) = connect::open_writer(&self.path, self.lock_wait) {
                    self.connection = connection;
                }
                self.try_once(command, once).map_err(|_| StoreError::Ambiguous(fault))
            }
            outcome => outcome,
        }
    }

    fn try_once(&mut self, command: &Command, once: &Once) -> Result<Executed, StoreError> {
        self.begin()?;
        match self.once_within(command, once) {
            Ok((executed, None)) => {
                // Nothing was written, so that nothing can be in doubt.
                (self.commit)(&self.connection).inspect_err(|_| self.roll_back())?;
                Ok(executed)
            }
            Ok((executed, Some(identity))) => {
                self.finish()?;
                self.identity = identity;
                self.tell(true);
                Ok(executed)
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    fn once_within(
        &mut self,
        command: &Command,
        once: &Once,
    ) -> Result<(Executed, Option<Identity>), StoreError> {
        if let Some(before) = idempotency::find(&self.connection, &self.keys, &once.key, once.now)? {
            return Ok((before, None));
        }
        let (mut outcomes, identity) = self.fill(slice::from_ref(command)).map_err(StoreError::from)?;
        let reply: Reply = outcomes.pop().expect("one command has one outcome")?;
        let answer = (once.answer)(&reply);
        idempotency::save(&self.connection, &self.keys, once, &answer)?;
        Ok((Executed::Now(answer), Some(identity)))
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        (self.commit)(&self.connection).map_err(|error| {
            self.roll_back();
            if may_have_landed(&error) { StoreError::Ambiguous(error.into()) } else { error.into() }
        })
    }
}
