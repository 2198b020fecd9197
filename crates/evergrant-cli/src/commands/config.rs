//! `evergrant config check`: what a server would start with, where each setting comes from, and every mistake.

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, Subcommand};
use evergrant::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::{
    cli::{Format, FormatOptions},
    config::{self, Effective, Environment, Finding, Flags, Settings, Source, Weight},
    exit::Exit,
    failure::Failure,
    output::{
        self,
        style::{self, Tone},
        table::Table,
    },
};

#[derive(Debug, Args)]
pub(crate) struct Group {
    #[command(flatten)]
    pub(crate) format: FormatOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the settings that `serve` would start with, where each comes from, and every mistake
    Check(Options),
}

#[derive(Debug, Args)]
struct Options {
    /// Settings (docs/configuration.md); options go before the environment, the environment before the file
    #[arg(long, env = "EVERGRANT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

pub(crate) async fn run(group: Group) -> Result<(), Failure> {
    let Group { format: FormatOptions { format }, command: Command::Check(options) } = group;
    let reading = tokio::task::spawn_blocking(move || {
        let settings = Settings::read(&options.flags, &Environment::of_process(), options.config.as_deref());
        let findings = config::check(&settings, SystemClock.now().wall);
        (settings.effective, findings)
    });
    let (effective, findings) =
        reading.await.map_err(|error| Failure::new("cannot read the settings", error))?;
    let mistaken = findings.iter().any(|finding| finding.weight > Weight::Note);
    match format {
        Format::Json => output::print_json(&json!({
            "result": if mistaken { "wrong" } else { "ok" },
            "settings": effective.iter().map(view).collect::<Vec<_>>(),
            "findings": findings.iter().map(view_finding).collect::<Vec<_>>(),
        }))?,
        Format::Text => output::print(&describe(&effective, &findings))?,
    }
    if mistaken { Err(Failure::told(Exit::Other)) } else { Ok(()) }
}

fn describe(effective: &[Effective], findings: &[Finding]) -> String {
    let style = style::of_stdout();
    let mut table = Table::new(&["SETTING", "VALUE", "FROM"]);
    for Effective { name, shown, source } in effective {
        let tone = if *source == Source::Default { Tone::Plain } else { Tone::Good };
        let value = shown.clone().unwrap_or_else(|| config::usual(name).to_owned());
        table.row([(Tone::Plain, (*name).to_owned()), (tone, value), (Tone::Plain, source.to_string())]);
    }
    let mut text = table.render(style);
    for finding in findings {
        let tone = if finding.weight == Weight::Note { Tone::Warning } else { Tone::Bad };
        let weight = style.paint(tone, finding.weight.name());
        // Writing into a String cannot fail.
        write!(text, "\n{weight}  {}", output::text::clean_line(&finding.to_string())).unwrap_or_default();
    }
    text
}

fn view(row: &Effective) -> Value {
    json!({
        "name": row.name,
        "value": row.shown,
        "source": row.source.name(),
        "place": (row.source != Source::Default).then(|| row.source.to_string()),
    })
}

fn view_finding(finding: &Finding) -> Value {
    let place = finding.source.as_ref().filter(|source| **source != Source::Default);
    json!({
        "weight": finding.weight.name(),
        "setting": finding.setting,
        "place": place.map(ToString::to_string),
        "text": finding.text,
        "remedy": finding.remedy,
    })
}
