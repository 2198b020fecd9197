//! `evergrant providers list`.

use evergrant::proto::provider::{Catalogue, Provider, Verification};
use serde_json::{Value, json};

use super::show::{name_of, span};
use crate::{
    cli::Format,
    failure::Failure,
    output::{
        self,
        style::{self, Tone},
        table::Table,
    },
};

pub(super) fn run(catalogue: &Catalogue, text: Option<&str>, format: Format) -> Result<(), Failure> {
    let found: Vec<_> =
        catalogue.iter().filter(|provider| text.is_none_or(|text| provider.mentions(text))).collect();
    if format == Format::Json {
        return output::print_json(
            &found.iter().map(|provider| view(catalogue, provider)).collect::<Vec<_>>(),
        );
    }
    if found.is_empty() {
        output::note(
            "no provider of that name; `--provider generic` with `--issuer` works for any OAuth 2.0 server",
        );
        return Ok(());
    }
    let mut table = Table::new(&["ID", "NAME", "UNUSED", "IN ALL", "OLD REFRESH TOKEN", "KNOWN BY", "NEEDS"]);
    for provider in found {
        table.row(row(provider));
    }
    output::print(&table.render(style::of_stdout()))
}

fn row(provider: &Provider) -> [(Tone, String); 7] {
    let lifetime = |lifetime: Option<_>| lifetime.map_or_else(|| "-".to_owned(), span);
    let known = &provider.knowledge;
    let tone = if known.verification == Verification::Unverified { Tone::Warning } else { Tone::Plain };
    [
        (Tone::Plain, provider.id.clone()),
        (Tone::Plain, provider.name.clone()),
        (Tone::Plain, lifetime(provider.lifetimes.idle)),
        (Tone::Plain, lifetime(provider.lifetimes.absolute)),
        (Tone::Plain, name_of(provider.rotation.kind)),
        (tone, name_of(known.verification)),
        (Tone::Plain, provider.parameters().into_iter().collect::<Vec<_>>().join(", ")),
    ]
}

fn view(catalogue: &Catalogue, provider: &Provider) -> Value {
    json!({
        "id": provider.id,
        "name": provider.name,
        "parameters": provider.parameters(),
        "verification": provider.knowledge.verification,
        "confidence": provider.knowledge.confidence,
        "own": catalogue.is_own(&provider.id),
    })
}
