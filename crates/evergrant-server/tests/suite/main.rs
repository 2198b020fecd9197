//! The server over real parts: a SQLite store in a temporary folder and the rehearsal server as provider. The files
//! mirror `src/routes`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail their test")]

mod answer;
mod authentication;
mod authorizations;
mod bodies;
mod callback;
mod clients;
mod connect;
mod fallbacks;
mod grants;
mod livez;
mod log;
mod metrics;
mod problems;
mod providers;
mod readyz;
mod secrets;
mod serving;
mod store_away;
mod tls;
mod world;
