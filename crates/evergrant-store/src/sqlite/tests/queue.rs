//! In which order the one thread that writes takes what waits for it.

use std::{
    future::Future,
    sync::mpsc::{self, Sender},
};

use super::world::{Host, claimed, stocked, succeed};
use crate::{
    sqlite::SqliteStore,
    store::{Store, StoreError},
};

/// Keeps the writer busy until it is told to go on, so that what is handed over meanwhile waits in its order.
pub(super) fn hold(store: &SqliteStore) -> (Sender<()>, impl Future<Output = Result<(), StoreError>> + '_) {
    let (go, gate) = mpsc::channel();
    let held = store.writer.aside(move |_| {
        gate.recv().expect("the test lets it go");
        Ok(())
    });
    (go, held)
}

#[tokio::test]
async fn a_command_is_written_before_the_transactions_that_wait_behind_it() {
    let host = Host::new();
    let store = host.open();
    stocked(&store, [1]).await;
    claimed(&store, 1, 10).await;
    let ended = || {
        let ended = "SELECT count(*) FROM attempts WHERE open = 0";
        let look = store
            .writer
            .aside(move |worker| Ok(worker.connection.query_row(ended, [], |row| row.get::<_, i64>(0))?));
        async { look.await.unwrap() }
    };
    let (go, held) = hold(&store);
    let (_, before, written, behind, ()) = tokio::join!(
        biased;
        held,
        ended(),
        store.execute(succeed(1, 10)),
        ended(),
        async { go.send(()).unwrap() },
    );
    written.unwrap();
    assert_eq!((before, behind), (0, 1));
}
