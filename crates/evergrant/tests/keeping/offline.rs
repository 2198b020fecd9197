//! What an operator does to a store while no keeper has it open.

use std::{path::Path, sync::Arc};

use evergrant::{
    clock::Clock,
    proto::{
        client::ClientRecord,
        name::Namespace,
        time::Timestamp,
        transaction::{Command, PutClient},
    },
    store::{
        SqliteStore, Store,
        clock::BootClock,
        sqlite::{Options, Paths},
    },
};

use crate::world::World;

/// Declares the store to be the one that holds the grants.
pub(crate) fn adopt(database: &Path, wall: Timestamp) {
    let store = open(database, wall);
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(store.adopt())).unwrap();
}

/// Changes what is known of the client and its provider, between the end of a keeper and the start of the next.
pub(crate) async fn change_client(world: &mut World, change: impl FnOnce(&mut ClientRecord)) {
    let mut record = world.keeper.client(&Namespace::default(), &World::shop()).await.unwrap().unwrap();
    change(&mut record);
    let (wall, replaces) = (world.clock.now().wall, Some(record.version));
    let database = world.folder.path().join("store.sqlite");
    let put = Command::PutClient(Box::new(PutClient { record, replaces, wall }));
    world
        .restart_after(move || {
            let store = open(&database, wall);
            let done = store.execute(put);
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(done)).unwrap();
        })
        .await;
}

fn open(database: &Path, wall: Timestamp) -> SqliteStore {
    let leases = Arc::new(BootClock::of_this_boot().unwrap());
    SqliteStore::open(&Options::at(Paths::beside(database)), leases, wall).unwrap()
}
