//! Keeping OAuth 2.0 grants alive, without I/O.
//!
//! This crate reads no clock, draws no randomness and touches neither network nor disk: time comes in as an
//! argument, randomness as bytes, effects go out as values.

pub mod secret;
pub mod time;
pub mod wire;
