//! The keeper against npm `oidc-provider`: a certified authorization server that nobody here wrote, unmodified, with
//! rotation on every refresh and reuse detection. `interop/README.md` says how it is started and what its admin
//! address can do. Its clock is the machine's, so refreshes are asked for instead of waited for.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../../../interop/rust/installed.rs"]
mod installed;
#[path = "../../../../interop/rust/oidc_provider.rs"]
mod oidc_provider;

mod browser;
mod connecting;
mod dying;
mod rotating;
mod tap;
mod world;
