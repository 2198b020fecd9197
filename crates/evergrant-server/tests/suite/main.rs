//! The server over real parts: a SQLite store in a temporary folder and the rehearsal server as provider. The files
//! mirror `src/routes`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

mod answer;
mod api_keys;
mod authentication;
mod authorizations;
mod bodies;
mod callback;
mod clients;
mod connect;
mod contract;
mod events;
mod fallbacks;
mod grants;
mod idempotency;
mod limits;
mod listening;
mod livez;
mod log;
mod metrics;
mod namespaces;
mod openapi;
mod probe;
mod problems;
mod providers;
mod readyz;
mod receiver;
mod secrets;
mod serving;
mod store_away;
mod story;
mod tls;
mod vocabulary;
mod webhooks;
mod world;
