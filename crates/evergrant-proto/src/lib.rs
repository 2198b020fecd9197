//! Keeping OAuth 2.0 grants alive, without I/O.
//!
//! This crate reads no clock, draws no randomness and touches neither network nor disk: time comes in as an
//! argument, randomness as bytes, effects go out as values.

/// Whether one of these mistakes is to be made on purpose (`evergrant-sabotage`); never, in what ships.
#[cfg(feature = "sabotage")]
macro_rules! sabotaged {
    ($($mistake:ident),+) => {
        [$(evergrant_sabotage::Sabotage::$mistake),+].into_iter().any(evergrant_sabotage::Sabotage::is_on)
    };
}

#[cfg(not(feature = "sabotage"))]
macro_rules! sabotaged {
    ($($mistake:ident),+) => {
        false
    };
}

pub mod authorization;
pub mod client;
pub mod diagnosis;
pub mod engine;
pub mod failure;
pub mod forecast;
pub mod grant;
pub mod name;
pub mod probe;
pub mod provider;
pub mod remedy_rates;
pub mod scope;
pub mod secret;
pub mod time;
pub mod transaction;
pub mod wire;
