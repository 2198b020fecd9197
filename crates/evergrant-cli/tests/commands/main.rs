//! The commands, each with the real program against a rehearsal.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod clients;
mod connect;
mod grants;
mod request;
mod secrets;
mod serve;
mod store;
mod token;
