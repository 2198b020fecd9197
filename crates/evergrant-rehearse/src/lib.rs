//! evergrant-rehearse

mod provider;
mod settings;
mod shell;

pub use provider::*;
pub use settings::*;
pub use shell::*;
