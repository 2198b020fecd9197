//! What operators hand the command in files and arguments, read as the command reads it: for trying hostile input.

use std::path::Path;

use crate::{
    commands::grants,
    config::{Environment, Flags, Settings},
    location::StoreLocation,
};

/// Reads a settings file; returns all that `config check` could say of its values. Blocks.
#[must_use]
pub fn settings_file(path: &Path) -> String {
    let Settings { effective, findings, .. } =
        Settings::read(&Flags::default(), &Environment::default(), Some(path));
    format!("{effective:?} {findings:?}")
}

/// Reads where a store is.
///
/// # Errors
///
/// Nowhere; what is said of it.
pub fn store_location(text: &str) -> Result<(), String> {
    text.parse::<StoreLocation>().map(drop).map_err(|error| error.to_string())
}

/// Opens the report of an import into the client `crm` of the store `s` to go on with it; returns what it says was done.
/// Blocks.
///
/// # Errors
///
/// It is no report of such an import; what is said of it.
pub fn import_report(path: &Path) -> Result<String, String> {
    grants::read_report(path).map_err(|failure| failure.to_string())
}
