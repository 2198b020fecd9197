//! The commands, each with the real program against a rehearsal.

#[path = "../support/mod.rs"]
mod support;

mod api_keys;
mod bad_input;
mod clients;
mod config;
mod connect;
mod doctor;
mod ends;
mod explain;
mod grants;
mod imports;
mod namespaces;
mod openapi;
mod operations;
mod output;
mod providers;
mod request;
mod secrets;
mod serve;
mod store;
mod store_away;
mod token;
mod webhooks;
