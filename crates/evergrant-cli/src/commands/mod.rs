//! The commands, one file or folder each.

pub(crate) mod api_keys;
pub(crate) mod clients;
pub(crate) mod config;
pub(crate) mod connect;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod grants;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod namespaces;
pub(crate) mod providers;
pub(crate) mod rehearse;
pub(crate) mod request;
pub(crate) mod serve;
pub(crate) mod store;
pub(crate) mod token;
pub(crate) mod webhooks;

mod arguments;
mod waiting;
