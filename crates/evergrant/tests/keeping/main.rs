//! The keeper against the rehearsal server: a real store, real HTTP, one virtual clock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adoption;
mod catalogue;
mod devices;
mod endings;
mod exchanges;
mod learning;
mod offline;
mod outages;
mod queries;
mod races;
mod reauthorization;
mod refusals;
mod rescue;
mod retention;
mod secrets;
mod world;
