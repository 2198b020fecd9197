//! `evergrant grants forecast`.

use std::time::Duration;

use clap::Args;
use evergrant::{
    Forecast, Horizon,
    proto::{
        forecast::{Averter, Ending, period},
        name::ClientName,
        time::Timestamp,
    },
};
use serde_json::{Value, json};

use crate::{
    cli::Format,
    failure::Failure,
    output::{
        self,
        style::{self, Tone},
        table::Table,
    },
    session::Session,
};

const DAY: u64 = 86_400;

/// An end so close is shown as an alarm.
const CLOSE: Duration = Duration::from_secs(7 * DAY);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only those of this client
    #[arg(long, value_parser = ClientName::new)]
    client: Option<ClientName>,
    /// Only ends within so many days
    #[arg(long, value_name = "DAYS")]
    within: Option<u64>,
    /// At most so many grants, the soonest
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

pub(super) async fn run(session: &Session, options: Options, format: Format) -> Result<(), Failure> {
    let now = session.keeper.clock().now().wall;
    let until = options.within.map(|days| now.plus(Duration::from_secs(days.saturating_mul(DAY))));
    let Options { client, limit, .. } = options;
    let horizon = Horizon { client, until, limit, ..Horizon::of(session.namespace.clone()) };
    let forecast = session.keeper.forecast(&horizon).await?;
    if format == Format::Json {
        let views: Vec<_> = forecast.iter().map(|forecast| view(forecast, now)).collect();
        return output::print_json(&views);
    }
    if forecast.is_empty() {
        output::note(
            "no grant has a known end; those that a user or an administrator makes are known to nobody",
        );
        return Ok(());
    }
    output::print(&table(&forecast, now).render(style::of_stdout()))?;
    next_steps(&forecast).into_iter().for_each(output::note);
    if forecast.len() == limit {
        output::note(&format!("there may be more than {limit}: see --limit"));
    }
    Ok(())
}

fn table(forecast: &[Forecast], now: Timestamp) -> Table {
    let mut table = Table::new(&["ENDS", "IN", "GRANT", "CLIENT", "OWNER", "WHY", "WHAT HELPS"]);
    for grant in forecast {
        for ending in &grant.endings {
            let owner = grant.external_id.clone().unwrap_or_else(|| "-".to_owned());
            table.row([
                (Tone::Plain, ending.at.to_string()),
                (urgency(ending, now), left(ending, now)),
                (Tone::Plain, grant.grant.to_string()),
                (Tone::Plain, grant.client.to_string()),
                (Tone::Plain, owner),
                (Tone::Plain, why(ending)),
                (Tone::Plain, ending.averted_by.in_words().to_owned()),
            ]);
        }
    }
    table
}

fn left(ending: &Ending, now: Timestamp) -> String {
    if ending.at <= now { "any moment".to_owned() } else { period(ending.at.since(now)) }
}

fn urgency(ending: &Ending, now: Timestamp) -> Tone {
    match ending.averted_by {
        _ if ending.only_if.is_some() => Tone::Plain,
        Averter::Refresh => Tone::Plain,
        _ if ending.at.since(now) <= CLOSE => Tone::Bad,
        _ => Tone::Warning,
    }
}

fn why(ending: &Ending) -> String {
    let cause = ending.cause.to_string();
    match ending.only_if {
        Some(_) => format!("{cause}, if the app is not published"),
        None => cause,
    }
}

/// The commands for what helps, once and not in every row.
fn next_steps(forecast: &[Forecast]) -> Vec<&'static str> {
    let any = |averter| forecast.iter().flat_map(|grant| &grant.endings).any(|end| end.averted_by == averter);
    let mut steps = Vec::new();
    if any(Averter::Reauthorization) {
        steps.push("to have a user sign in again: evergrant connect CLIENT --grant GRANT");
    }
    if any(Averter::Repair) {
        steps.push("to see what is in the way: evergrant grants show GRANT");
    }
    steps
}

fn view(forecast: &Forecast, now: Timestamp) -> Value {
    json!({
        "grant": forecast.grant,
        "client": forecast.client,
        "external_id": forecast.external_id,
        "state": forecast.state,
        "endings": forecast.endings.iter().map(|ending| json!({
            "at": ending.at.to_string(),
            "ends_in": ending.at.since(now).as_secs(),
            "only_if": ending.only_if,
            "cause": ending.cause,
            "averted_by": ending.averted_by,
            "source": ending.source,
            "evidence": ending.evidence(),
        })).collect::<Vec<_>>(),
    })
}
