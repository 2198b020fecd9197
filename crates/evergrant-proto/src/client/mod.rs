//! The client: our registration at a provider.

mod breaker;
mod record;

pub use breaker::{Admission, Breaker, Probe, Suspension};
pub use record::ClientRecord;
