//! `evergrant providers check`.

use std::path::{Path, PathBuf};

use evergrant::proto::provider::{InvalidCatalogue, Provider};
use serde_json::json;

use crate::{cli::Format, config::read_text, failure::Failure, output};

pub(super) fn run(files: &[PathBuf], format: Format) -> Result<(), Failure> {
    let mut checked = Vec::new();
    let mut mistakes = Vec::new();
    for path in files {
        match check(path)? {
            Ok(provider) => checked.push(provider),
            Err(error) => mistakes.push(InvalidCatalogue { file: path.display().to_string(), ..error }),
        }
    }
    if !mistakes.is_empty() {
        let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        return Err(Failure::new("no provider can be used as written", format!("\n{}", lines.join("\n")))
            .advise("correct the lines named above; docs/catalogue.md has every field"));
    }
    match format {
        Format::Json => output::print_json(
            &checked.iter().map(|provider| json!({ "valid": provider.id })).collect::<Vec<_>>(),
        ),
        Format::Text => output::print(&checked.iter().map(summary).collect::<Vec<_>>().join("\n")),
    }
}

fn check(path: &Path) -> Result<Result<Provider, InvalidCatalogue>, Failure> {
    let text = read_text(path)?;
    let id = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Provider::from_toml(&id, &text))
}

/// What will be done with it, so that what is missing is seen before a grant depends on it.
fn summary(provider: &Provider) -> String {
    let missing = [
        (
            "token endpoint",
            provider.endpoints.token.is_none()
                && provider.endpoints.metadata.is_none()
                && provider.issuer.is_none(),
        ),
        ("rotation policy", provider.rotation == evergrant::proto::provider::RotationPolicy::default()),
        ("lifetimes", provider.lifetimes.idle.is_none() && provider.lifetimes.absolute.is_none()),
        ("signatures", provider.dialect.signatures.is_empty()),
    ];
    let missing: Vec<_> = missing.into_iter().filter(|(_, missing)| *missing).map(|(what, _)| what).collect();
    if missing.is_empty() {
        format!("{}: ok", provider.id)
    } else {
        format!("{}: ok; unknown: {}", provider.id, missing.join(", "))
    }
}
