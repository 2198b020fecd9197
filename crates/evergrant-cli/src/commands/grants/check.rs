//! `evergrant grants check`.

use evergrant::{
    Checked,
    proto::{name::GrantId, probe::Probe},
};
use serde_json::json;

use super::{rates, tone};
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
    match format {
        Format::Json => output::print_json(&json!({
            "grant": id,
            "state": checked.grant.state.name(),
            "alive": checked.alive,
            "asked": checked.told,
            "diagnosis": checked.diagnosis,
            "measured": rates::measured(session, checked.diagnosis.as_ref()).await?,
        }))?,
        Format::Text => output::print(&in_words(session, &checked).await?)?,
    }
    exit(&checked)
}

async fn in_words(session: &Session, checked: &Checked) -> Result<String, Failure> {
    let mut table = Table::of_one();
    table.pair("grant", checked.grant.id.to_string());
    table.toned("state", tone(&checked.grant.state), checked.grant.state.name().to_owned());
    let (mood, verdict) = match checked.alive {
        Some(true) => (Tone::Good, "it lives"),
        Some(false) => (Tone::Bad, "it does not live"),
        None => (Tone::Warning, "it does not tell"),
    };
    table.toned("provider", mood, verdict.to_owned());
    // What stands among the evidence of the diagnosis is not said twice.
    let news = |sentence: &&String| {
        checked.diagnosis.as_ref().is_none_or(|known| !known.evidence.contains(sentence))
    };
    for told in &checked.told {
        let name = match told.probe {
            Probe::Introspection => "introspection",
            Probe::Userinfo => "userinfo",
        };
        for (index, evidence) in told.evidence.iter().filter(news).enumerate() {
            table.row([
                (Tone::Heading, if index == 0 { name.to_owned() } else { String::new() }),
                (Tone::Plain, evidence.clone()),
            ]);
        }
    }
    if checked.told.is_empty() {
        table.pair(
            "asked",
            "nothing: the provider offers no introspection, and there is no access token to try".to_owned(),
        );
    }
    let mut text = table.render(style::of_stdout());
    if let Some(known) = &checked.diagnosis {
        text.push_str("\n\n");
        text.push_str(diagnosis::describe(known).trim_end());
        text.push_str(&rates::in_words(session, known).await?);
    }
    Ok(text)
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
