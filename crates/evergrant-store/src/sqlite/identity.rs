//! What the store says of itself: its one row in the table `store`.

use rusqlite::{Connection, params};

use super::codec::{counter, damaged, integer};
use crate::{
    anchor::{AnchorState, Epoch, Mark, StoreId},
    key::KeyRing,
    seal::{OpenError, SealedPlace},
    store::StoreError,
};

/// Which store this is, and how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) store: StoreId,
    pub(super) epoch: Epoch,
    /// The number of the newest change.
    pub(super) change: u64,
    /// Why it is quarantined, if it is.
    pub(super) quarantine: Option<AnchorState>,
    /// How often it was adopted.
    pub(super) adoptions: u64,
}

impl Identity {
    /// What the anchor has to remember.
    pub(super) fn mark(&self) -> Mark {
        Mark { store: self.store, epoch: self.epoch, high_water: self.change }
    }
}

/// Makes the row of a new store.
pub(super) fn create(connection: &Connection, keys: &KeyRing) -> rusqlite::Result<Identity> {
    let identity = Identity {
        store: StoreId::generate(),
        epoch: Epoch::generate(),
        change: 0,
        quarantine: None,
        adoptions: 0,
    };
    let store = identity.store.to_string();
    let probe = keys.seal(&probe_place(&store), &[]);
    connection.execute(
        "INSERT INTO store (only, id, epoch, change, probe) VALUES (1, ?1, ?2, 0, ?3)",
        params![store, identity.epoch.to_string(), probe],
    )?;
    Ok(identity)
}

/// Reads the row.
pub(super) fn read(connection: &Connection) -> Result<Identity, StoreError> {
    let (store, epoch, change, quarantine, adoptions) = connection
        .prepare_cached("SELECT id, epoch, change, quarantine, adoptions FROM store")?
        .query_row([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get(4)?,
            ))
        })?;
    Ok(Identity {
        store: store.parse().map_err(|_| damaged("the store's id"))?,
        epoch: epoch.parse().map_err(|_| damaged("the store's epoch"))?,
        change: counter(change),
        // A reason that a newer version has added is a reason all the same.
        quarantine: quarantine.map(|name| AnchorState::parse(&name).unwrap_or(AnchorState::Missing)),
        adoptions: counter(adoptions),
    })
}

/// Whether these are the keys of this store.
pub(super) fn check_keys(
    connection: &Connection,
    keys: &KeyRing,
    store: StoreId,
) -> rusqlite::Result<Result<(), OpenError>> {
    let probe: Vec<u8> = connection.query_row("SELECT probe FROM store", [], |row| row.get(0))?;
    Ok(keys.open(&probe_place(&store.to_string()), &probe).map(|_| ()))
}

/// Writes the number of the newest change.
pub(super) fn set_change(connection: &Connection, change: u64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE store SET change = ?1")?.execute([integer(change)])?;
    Ok(())
}

/// Quarantines the store.
pub(super) fn quarantine(connection: &Connection, reason: AnchorState) -> rusqlite::Result<()> {
    connection.execute("UPDATE store SET quarantine = ?1", [reason.name()])?;
    Ok(())
}

/// Gives the store a new epoch and ends its quarantine. What it holds is unproven from now on.
pub(super) fn adopt(connection: &Connection, epoch: Epoch) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE store SET epoch = ?1, quarantine = NULL, adoptions = adoptions + 1",
        [epoch.to_string()],
    )?;
    Ok(())
}

fn probe_place(store: &str) -> SealedPlace<'_> {
    SealedPlace { namespace: "", record: store, field: "probe", generation: 0 }
}
