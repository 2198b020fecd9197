//! One binary: the provider as a value, then the same provider over HTTP.

mod access;
mod administration;
mod authorization;
mod client_authentication;
mod codes;
mod device;
mod expiry;
mod faults;
mod http;
mod operations;
mod pages;
mod rotation;
mod world;
