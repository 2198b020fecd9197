//! `evergrant explain`: why a failure happened, from whatever somebody has at hand. Needs no store and no network; where
//! there is a store, it says how often the remedies worked there.

mod measured;
mod source;

use std::path::PathBuf;

use clap::Args;
use evergrant::proto::{provider::Catalogue, remedy_rates::Rates};
use evergrant_explain::{
    explanation::{Explanation, explain},
    problems::{self, Measured},
    reading::{Case, Unreadable},
};

use crate::{
    cli::{Format, FormatOptions, StoreOptions},
    config::Config,
    exit::Exit,
    failure::Failure,
    output::{self, style},
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// What you have: a body, curl -i output, an HTTP exchange, a HAR file, a line of a log, a sentence [default: stdin]
    #[arg(value_name = "FILE|-|TEXT")]
    input: Option<String>,
    /// Show the page of a cause instead
    #[arg(long, value_name = "NAME", conflicts_with_all = ["input", "batch"])]
    cause: Option<String>,
    /// Read one JSON record a line and print one JSON object a line
    #[arg(long)]
    batch: bool,
    /// The provider, if you know it: an id of `evergrant providers list`
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    pub(crate) format: FormatOptions,
}

const EXAMPLES: &str = "\
Examples:
  curl -si https://idp.example/token -d ... | evergrant explain
  evergrant explain refusal.har
  evergrant explain 'token has expired and refresh failed'
  evergrant explain --cause lost_rotation_not_persisted

Nothing is sent anywhere, and every credential in the input is masked.";

/// Blocks while it reads.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let Options { input, cause, batch, provider, store, format: FormatOptions { format } } = options;
    if let Some(cause) = cause {
        return show_page(&cause, format, &store).await;
    }
    let catalogue = Config::of(&store.settings)?.catalogue()?;
    if let Some(id) = &provider
        && catalogue.find(id).is_none()
    {
        return Err(Failure::no_such_provider(id));
    }
    if batch {
        return every_line(input.as_deref(), provider.as_deref(), &catalogue);
    }
    let bytes = source::read(input.as_deref())?;
    let mut case = Case::read(&bytes).map_err(|error| unreadable(&error))?;
    case.provider = provider.or(case.provider);
    let explanation = explain(&case, &catalogue);
    let rates = measured::rates(&store).await;
    match format {
        Format::Json => output::print_json(&measured::beside(&explanation, &rates)),
        Format::Text => output::print(&in_words(&explanation, &rates)),
    }
}

fn in_words(explanation: &Explanation, rates: &Rates) -> String {
    let style = style::of_stdout();
    let mut text = explanation.to_terminal(output::width(), style.is_coloured());
    text.push_str(&measured::lines(explanation.cause, rates));
    format!("{text}\nMore: evergrant explain --cause {}", explanation.cause)
}

/// One line of output for each of input that can be read; of the others the number goes to stderr. What comes out is joined
/// to what went in by its `id`.
fn every_line(input: Option<&str>, provider: Option<&str>, catalogue: &Catalogue) -> Result<(), Failure> {
    let mut broken = 0_usize;
    let mut lines = source::lines(input)?;
    while let Some(line) = lines.next_line()? {
        if line.trim().is_empty() {
            continue;
        }
        match Case::from_record(&line) {
            Ok(mut case) => {
                case.provider = provider.map(str::to_owned).or(case.provider);
                output::print(&one_line(&explain(&case, catalogue).in_common_terms()))?;
            }
            Err(error) => {
                broken += 1;
                output::note(&format!("line {}: {error}", lines.number()));
            }
        }
    }
    if broken == 0 {
        return Ok(());
    }
    Err(Failure::of(Exit::Other, format!("{broken} lines could not be read")))
}

fn one_line(explanation: &Explanation) -> String {
    serde_json::to_string(explanation).expect("an explanation has no maps with other keys than texts")
}

async fn show_page(cause: &str, format: Format, store: &StoreOptions) -> Result<(), Failure> {
    let Some(page) = problems::find(cause.trim()) else {
        let names: Vec<_> = problems::all().iter().map(|page| page.id.as_str()).collect();
        return Err(Failure::of(Exit::NotFound, format!("there is no cause {cause:?}"))
            .advise(format!("the causes are: {}", names.join(", "))));
    };
    let rates = measured::rates(store).await;
    let page = &page.with_rates(|action| {
        let rate = rates.of(page.id, action)?;
        Some(Measured { worked: rate.worked, tried: rate.tried })
    });
    match format {
        Format::Json => output::print_json(page),
        Format::Text => {
            let mut text = page.to_terminal(output::width(), style::of_stdout().is_coloured());
            text.push_str(&measured::lines(page.id, &rates));
            output::print(&text)
        }
    }
}

fn unreadable(error: &Unreadable) -> Failure {
    Failure::of(Exit::Usage, error.to_string())
}

/// A path, unless it cannot be one.
fn path_of(input: &str) -> Option<PathBuf> {
    let path = PathBuf::from(input);
    path.exists().then_some(path)
}
