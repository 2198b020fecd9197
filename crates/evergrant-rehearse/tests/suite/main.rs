//! One binary: the provider as a value, then the same provider over HTTP.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod access;
mod addresses;
mod administration;
mod authorization;
mod client_authentication;
mod codes;
mod device;
mod expiry;
mod faults;
mod hostile;
mod http;
mod operations;
mod pages;
mod rotation;
mod world;
