//! The state machine by operation list: what processes, operators, users and clocks can do to grants, in any order.
//!
//! The store's transactions are those of production; the tables are maps. After every operation the promises are
//! checked that hold whatever happens: see `promises`. An input is text that can be read: one letter an operation, each
//! followed by as many bytes as it needs; see `operation`.

mod operation;
mod promises;
mod tables;
mod world;

use operation::Operations;
use world::World;

/// Longer lists find nothing that short ones do not, and take long.
const MOST: usize = 200;

pub(super) fn operations(bytes: &[u8]) {
    let mut world = World::new();
    for operation in Operations::of(bytes).take(MOST) {
        world.perform(operation);
    }
    world.check_texts();
}
