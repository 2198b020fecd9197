//! `evergrant grants show`.

use evergrant::{
    proto::{
        grant::{Attempt, GrantRecord, Outcome},
        name::GrantId,
        remedy_rates::Rates,
    },
    store::{EventFilter, NumberedEvent},
};
use serde_json::{Value, json};

use super::tone;
use crate::{
    cli::Format,
    failure::Failure,
    output::{
        self, diagnosis,
        style::{self, Tone},
        table::Table,
    },
    session::Session,
};

/// Requests that are shown, the newest first.
const ATTEMPTS: usize = 10;

/// Events that are read for one grant.
const EVENTS: usize = 10_000;

/// Events that are shown to people, the newest ones.
const EVENTS_SHOWN: usize = 10;

pub(super) async fn run(session: &Session, id: GrantId, format: Format) -> Result<(), Failure> {
    let grant = session.grant(id).await?;
    let attempts = session.keeper.attempts(id, ATTEMPTS).await?;
    let filter =
        EventFilter { namespace: Some(session.namespace.clone()), grant: Some(id), after: 0, limit: EVENTS };
    let events = session.keeper.events(filter).await?;
    let rates = session.keeper.recent_remedy_rates().await;
    if format == Format::Json {
        let mut shown = view(&grant, &rates);
        shown["attempts"] = attempts.iter().map(attempt_view).collect();
        shown["events"] = events.iter().map(|event| event_view(event, &rates)).collect();
        return output::print_json(&shown);
    }
    let style = style::of_stdout();
    let mut sections = vec![details(&grant).render(style)];
    if let Some(known) = grant.state.diagnosis() {
        sections.push(diagnosis::describe(known, &rates).trim_end().to_owned());
    }
    if !attempts.is_empty() {
        sections.push(attempt_table(&attempts).render(style));
    }
    if !events.is_empty() {
        sections.push(event_table(&events).render(style));
    }
    output::print(&sections.join("\n\n"))
}

fn details(grant: &GrantRecord) -> Table {
    let mut table = Table::of_one();
    table.pair("grant", grant.id.to_string());
    table.pair("client", grant.client.to_string());
    table.toned("state", tone(&grant.state), grant.state.name().to_owned());
    table.pair("external id", grant.owner.external_id.clone());
    table.pair("subject", grant.owner.subject.clone());
    table.pair("organization", grant.owner.tenant.clone());
    for (name, value) in &grant.owner.labels {
        table.pair("label", format!("{name}={value}"));
    }
    table.pair("scopes", grant.granted.to_string());
    table.pair("generation", grant.generation.to_string());
    table.pair("connected", grant.created_at.to_string());
    table.pair("last success", grant.last_success_at.to_string());
    table.pair("next look", grant.next_due_at.map(|due| due.to_string()));
    table.pair("not before", grant.retry_at.map(|retry| retry.to_string()));
    let (tone, end) = ends(grant);
    table.toned("ends", tone, end);
    table.pair("revocation", revocation(grant));
    table
}

/// When it ends at the latest, and what helps if that is soon.
fn ends(grant: &GrantRecord) -> (Tone, Option<String>) {
    let end = grant.life.ends_at.map(|end| end.to_string());
    if !grant.life.has_warned() {
        return (Tone::Plain, end);
    }
    let repair = |end| format!("{end}, soon: `evergrant connect {} --grant {}`", grant.client, grant.id);
    (Tone::Warning, end.map(repair))
}

fn revocation(grant: &GrantRecord) -> Option<String> {
    grant.revocation.map(|revocation| match revocation.confirmed_at {
        Some(confirmed) => format!("confirmed by the provider at {confirmed}"),
        None => "still to be confirmed by the provider".to_owned(),
    })
}

fn attempt_table(attempts: &[Attempt]) -> Table {
    let mut table = Table::new(&["REQUEST SENT", "GENERATION", "OUTCOME"]);
    for attempt in attempts {
        let (tone, outcome) = outcome(attempt);
        table.row([
            (Tone::Plain, attempt.journalled_at.to_string()),
            (Tone::Plain, attempt.generation.to_string()),
            (tone, outcome),
        ]);
    }
    table
}

fn outcome(attempt: &Attempt) -> (Tone, String) {
    match &attempt.outcome {
        None => (Tone::Warning, "no outcome recorded yet".to_owned()),
        Some(Outcome::Succeeded) => (Tone::Good, "succeeded".to_owned()),
        Some(Outcome::Refused { code }) => (Tone::Bad, format!("refused: {code}")),
        Some(Outcome::Failed { reason }) => (Tone::Warning, format!("not processed: {reason}")),
        Some(Outcome::Unknown { reason, .. }) => (Tone::Bad, format!("unknown: {reason}")),
    }
}

fn event_table(events: &[NumberedEvent]) -> Table {
    let mut table = Table::new(&["AT", "EVENT", "CAUSE"]);
    for NumberedEvent { event, .. } in events.iter().rev().take(EVENTS_SHOWN) {
        let kind = serde_json::to_value(event.kind).expect("a plain variant");
        let cause = event.diagnosis.as_ref().map(|known| known.cause.to_string());
        table.row([
            (Tone::Plain, event.at.to_string()),
            (Tone::Plain, kind.as_str().unwrap_or_default().replace('_', " ")),
            (Tone::Plain, cause.unwrap_or_else(|| "-".to_owned())),
        ]);
    }
    table
}

/// What may be told about a grant, for programs.
pub(super) fn view(grant: &GrantRecord, rates: &Rates) -> Value {
    json!({
        "grant": grant.id,
        "namespace": grant.namespace,
        "client": grant.client,
        "external_id": grant.owner.external_id,
        "subject": grant.owner.subject,
        "tenant": grant.owner.tenant,
        "labels": grant.owner.labels,
        "scope": grant.granted,
        "state": grant.state.name(),
        "diagnosis": grant.state.diagnosis().map(|known| diagnosis::view(known, rates)),
        "generation": grant.generation,
        "created_at": grant.created_at.to_string(),
        "last_success_at": grant.last_success_at.to_string(),
        "next_due_at": grant.next_due_at.map(|due| due.to_string()),
        "retry_at": grant.retry_at.map(|retry| retry.to_string()),
        "ends_at": grant.life.ends_at.map(|end| end.to_string()),
        "expires_soon": grant.life.has_warned(),
        "revocation": grant.revocation.map(|revocation| json!({
            "requested_at": revocation.requested_at.to_string(),
            "confirmed_at": revocation.confirmed_at.map(|confirmed| confirmed.to_string()),
        })),
    })
}

fn attempt_view(attempt: &Attempt) -> Value {
    json!({
        "attempt": attempt.id,
        "generation": attempt.generation,
        "at": attempt.journalled_at.to_string(),
        "ended_at": attempt.ended_at.map(|ended| ended.to_string()),
        "outcome": attempt.outcome,
    })
}

fn event_view(event: &NumberedEvent, rates: &Rates) -> Value {
    let NumberedEvent { number, event } = event;
    json!({
        "number": number,
        "at": event.at.to_string(),
        "event": event.kind,
        "generation": event.generation,
        "attempt": event.attempt,
        "diagnosis": event.diagnosis.as_ref().map(|known| diagnosis::view(known, rates)),
        "expires_at": event.expires_at.map(|end| end.to_string()),
    })
}
