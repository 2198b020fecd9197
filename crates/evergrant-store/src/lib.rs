//! Sealed, versioned records of grants.
//!
//! What lies on disk, and the room it has here:
//!
//! * [`key`]: the keys that seal credentials, outside the database;
//! * [`seal`]: encryption bound to the place of a record;
//! * [`anchor`]: a file outside the database that notices a restored backup;
//! * [`presence`]: which processes that use the store are alive;
//! * [`lifeboat`]: where a rotated credential goes when the database is away;
//! * [`clock`]: the only place of this crate that reads a clock;
//! * [`store`]: what every store can do;
//! * [`access`]: namespaces, and the API keys that see them;
//! * [`import`]: many grants from outside at once;
//! * [`once`]: requests that have one effect, however often they are sent;
//! * [`webhook`]: who is told of incidents, and what;
//! * [`sqlite`]: the embedded store.

pub mod access;
pub mod anchor;
pub mod clock;
mod durable;
pub mod import;
pub mod key;
pub mod lifeboat;
pub mod once;
pub mod presence;
mod random;
pub mod seal;
pub mod sqlite;
pub mod store;
#[cfg(test)]
mod testing;
pub mod webhook;

pub use durable::FileFault;
pub use sqlite::SqliteStore;
pub use store::{
    Changes, EventFilter, EventLog, GrantFilter, NumberedEvent, Pending, Reason, Replayed, Status, Store,
    StoreError, Unavailable,
};
