//! evergrant

pub mod clock;
pub mod http;
