//! The HTTP server around the provider: it carries bytes, waits, and decides nothing.

mod banner;
mod clock;
mod connection;
mod date;
mod server;
mod stage;

pub use banner::banner;
pub use clock::{Clock, ClockMode, ClockReading};
pub use server::{Rehearsal, RehearsalBuilder, Running, StartError};
