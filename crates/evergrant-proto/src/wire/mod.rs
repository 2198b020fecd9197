//! Messages of the wire.
pub mod http;
