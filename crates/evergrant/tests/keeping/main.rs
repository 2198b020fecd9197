//! The keeper against the rehearsal server: a real store, real HTTP, one virtual clock.

mod outages;
mod races;
mod reauthorization;
mod refusals;
mod rescue;
mod secrets;
mod world;
