//! `evergrant grants check`.

use evergrant::{
    Checked,
    proto::{name::GrantId, probe::Probe, remedy_rates::Rates},
};
use serde_json::json;

use super::tone;
use crate::{
    cli::Format,
    exit::Exit,
    failure::Failure,
    output::{
        self, diagnosis,
        style::{self, Tone},
        table::Table,
    },
    session::Session,
};

pub(super) async fn run(session: &Session, id: GrantId, format: Format) -> Result<(), Failure> {
    session.grant(id).await?;
    let checked = session.keeper.check(id).await?;
    let rates = session.keeper.recent_remedy_rates().await;
    match format {
        Format::Json => output::print_json(&json!({
            "grant": id,
            "state": checked.grant.state.name(),
            "alive": checked.alive,
            "asked": checked.told,
            "diagnosis": checked.diagnosis.as_ref().map(|known| diagnosis::view(known, &rates)),
        }))?,
        Format::Text => output::print(&in_words(&checked, &rates))?,
    }
    exit(&checked)
}

fn in_words(checked: &Checked, rates: &Rates) -> String {
    let mut text = table(checked).render(style::of_stdout());
    if let Some(known) = &checked.diagnosis {
        text.push_str("\n\n");
        text.push_str(diagnosis::describe(known, rates).trim_end());
    }
    text
}

fn table(checked: &Checked) -> Table {
    let mut table = Table::of_one();
    table.pair("grant", checked.grant.id.to_string());
    table.toned("state", tone(&checked.grant.state), checked.grant.state.name().to_owned());
    let (mood, verdict) = match checked.alive {
        Some(true) => (Tone::Good, "it lives"),
        Some(false) => (Tone::Bad, "it does not live"),
        None => (Tone::Warning, "it does not tell"),
    };
    table.toned("provider", mood, verdict.to_owned());
    if checked.told.is_empty() {
        let nothing = "nothing: the provider offers no introspection, and there is no access token to try";
        table.pair("asked", nothing.to_owned());
    }
    // What stands among the evidence of the diagnosis is not said twice.
    let known = checked.diagnosis.as_ref().map(|known| &known.evidence[..]).unwrap_or_default();
    for told in &checked.told {
        let mut name = match told.probe {
            Probe::Introspection => "introspection",
            Probe::Userinfo => "userinfo",
        };
        for evidence in told.evidence.iter().filter(|sentence| !known.contains(sentence)) {
            table.row([(Tone::Heading, name.to_owned()), (Tone::Plain, evidence.clone())]);
            name = "";
        }
    }
    table
}

/// What was printed is the result; the code is for scripts.
fn exit(checked: &Checked) -> Result<(), Failure> {
    match checked.alive {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::told(Exit::NeedsReauthorization)),
        None if checked.told.is_empty() => Err(Failure::told(Exit::Other)),
        None => Err(Failure::told(Exit::RetryLater)),
    }
}
