//! `evergrant webhooks`: who is told of incidents.

use std::{collections::BTreeSet, time::Duration};

use clap::{Args, Subcommand};
use evergrant::{
    proto::time::Timestamp,
    store::webhook::{
        Delivery, DeliveryState, DisabledReason, MessageId, MessageKind, Replay, Webhook, WebhookId,
    },
};
use evergrant_server::{NewWebhook, WebhookError, WebhookUpdate, Webhooks};
use serde_json::{Value, json};

use crate::{
    cli::{self, Format, FormatOptions},
    exit::Exit,
    failure::Failure,
    output::{
        self,
        style::{self, Tone},
        table::Table,
    },
    session::{Session, with_session},
};

/// How long a receiver of a test message may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Deliveries that are shown with a webhook.
const SHOWN: usize = 20;

pub(crate) type Group = cli::Group<Command>;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a webhook and print its secret, this once
    Add(Add),
    /// List webhooks and how they fare
    List,
    /// Show one webhook and what became of the latest messages to it
    Show {
        /// The webhook
        webhook: WebhookId,
    },
    /// Deliver nothing more to a webhook; its messages are held
    Disable {
        /// The webhook
        webhook: WebhookId,
    },
    /// Deliver to a webhook again; `replay` brings what it missed
    Enable {
        /// The webhook
        webhook: WebhookId,
    },
    /// Remove a webhook, with what was still to be delivered to it
    Remove {
        /// The webhook
        webhook: WebhookId,
    },
    /// Make a new secret and print it, this once; the one before signs beside it for a while
    RotateSecret {
        /// The webhook
        webhook: WebhookId,
        /// For how many hours the secret before still signs; 0 if it has leaked
        #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=720))]
        overlap: u64,
    },
    /// Send a test message now, and say whether it arrived
    Test {
        /// The webhook
        webhook: WebhookId,
    },
    /// Deliver messages again, under their own ids; a running `evergrant serve` does it
    Replay(ReplayOptions),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Where messages are posted to: https
    url: String,
    /// What it wants to be told, such as grant.needs_reauthorization; may be repeated [default: everything]
    #[arg(long = "type", value_name = "TYPE")]
    kinds: Vec<MessageKind>,
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// The webhook
    webhook: WebhookId,
    /// One message, by its `webhook-id`
    #[arg(long, required_unless_present = "since", conflicts_with = "since")]
    message: Option<MessageId>,
    /// All messages since a time, such as 2026-11-21T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Webhooks::parse_time(text).ok_or_else(|| "a time is 2026-11-21T09:30:00Z".to_owned())
}

pub(crate) async fn run(group: Group) -> Result<(), Failure> {
    let Group { store, format: FormatOptions { format }, command } = group;
    with_session(&store, async |session| {
        let webhooks = Webhooks::of(&session.keeper, session.namespace.clone());
        match command {
            Command::Add(options) => add(&webhooks, options, format).await,
            Command::List => list(&webhooks, format).await,
            Command::Show { webhook } => show(&webhooks, webhook, format).await,
            Command::Disable { webhook } => switch(&webhooks, webhook, false, format).await,
            Command::Enable { webhook } => switch(&webhooks, webhook, true, format).await,
            Command::Remove { webhook } => remove(&webhooks, webhook, format).await,
            Command::RotateSecret { webhook, overlap } => rotate(&webhooks, webhook, overlap, format).await,
            Command::Test { webhook } => test(session, &webhooks, webhook, format).await,
            Command::Replay(options) => replay(&webhooks, options, format).await,
        }
    })
    .await
}

async fn add(webhooks: &Webhooks, options: Add, format: Format) -> Result<(), Failure> {
    let kinds = BTreeSet::from_iter(options.kinds);
    let new = NewWebhook { url: options.url, kinds, description: options.description };
    let (webhook, secret) = webhooks.add(new).await.map_err(failed)?;
    if format == Format::Json {
        let mut shown = view(&webhook);
        shown["secret"] = json!(secret.expose().as_str());
        return output::print_json(&shown);
    }
    output::print(&secret.expose())?;
    output::note(&format!("shown this once: the secret that signs messages to webhook {}", webhook.id));
    output::note(&format!("next: evergrant webhooks test {}", webhook.id));
    Ok(())
}

async fn list(webhooks: &Webhooks, format: Format) -> Result<(), Failure> {
    let found = webhooks.list().await.map_err(failed)?;
    if format == Format::Json {
        return output::print_json(&found.iter().map(view).collect::<Value>());
    }
    let mut table = Table::new(&["ID", "URL", "TYPES", "STATE", "LAST SUCCESS"]);
    for webhook in &found {
        let (tone, state) = state(webhook);
        let success = webhook.health.last_success_at.map_or("never".to_owned(), |at| at.to_string());
        table.row([
            (Tone::Plain, webhook.id.to_string()),
            (Tone::Plain, webhook.url.0.clone()),
            (Tone::Plain, kinds(webhook)),
            (tone, state.to_owned()),
            (Tone::Plain, success),
        ]);
    }
    output::print(&table.render(style::of_stdout()))
}

async fn show(webhooks: &Webhooks, id: WebhookId, format: Format) -> Result<(), Failure> {
    let webhook = webhooks.find(id).await.map_err(failed)?;
    let deliveries = webhooks.deliveries(id, None, SHOWN).await.map_err(failed)?;
    if format == Format::Json {
        let mut shown = view(&webhook);
        shown["deliveries"] = deliveries.iter().map(delivery).collect();
        return output::print_json(&shown);
    }
    let mut one = Table::of_one();
    let (tone, state) = state(&webhook);
    one.pair("webhook", webhook.id.to_string());
    one.pair("url", webhook.url.0.clone());
    one.pair("types", kinds(&webhook));
    one.pair("description", webhook.description.clone());
    one.toned("state", tone, state.to_owned());
    one.pair("disabled", webhook.disabled.map(|disabled| disabled.at.to_string()));
    one.pair("failing since", webhook.health.failing_since.map(|at| at.to_string()));
    one.pair("last failure", webhook.health.last_failure.clone());
    one.pair("last success", webhook.health.last_success_at.map(|at| at.to_string()));
    output::print(&one.render(style::of_stdout()))?;
    let mut table = Table::new(&["MESSAGE", "TYPE", "AT", "STATE", "TRIES", "FAILURE"]);
    for delivery in deliveries {
        table.row([
            (Tone::Plain, delivery.message.id.to_string()),
            (Tone::Plain, delivery.message.kind.to_string()),
            (Tone::Plain, delivery.message.at.to_string()),
            (Tone::Plain, standing(delivery.state).to_owned()),
            (Tone::Plain, delivery.attempts.to_string()),
            (Tone::Plain, delivery.failure.unwrap_or_default()),
        ]);
    }
    output::print(&table.render(style::of_stdout()))
}

async fn switch(webhooks: &Webhooks, id: WebhookId, on: bool, format: Format) -> Result<(), Failure> {
    let change = WebhookUpdate { enabled: Some(on), ..WebhookUpdate::default() };
    let webhook = webhooks.change(id, change).await.map_err(failed)?;
    match format {
        Format::Json => output::print_json(&view(&webhook)),
        Format::Text if on => {
            output::print(&format!("enabled webhook {id}"))?;
            output::note(&format!("what it missed: evergrant webhooks replay {id} --since TIME"));
            Ok(())
        }
        Format::Text => output::print(&format!("disabled webhook {id}")),
    }
}

async fn remove(webhooks: &Webhooks, id: WebhookId, format: Format) -> Result<(), Failure> {
    webhooks.remove(id).await.map_err(failed)?;
    match format {
        Format::Json => output::print_json(&json!({ "removed": id })),
        Format::Text => output::print(&format!("removed webhook {id}")),
    }
}

async fn rotate(webhooks: &Webhooks, id: WebhookId, overlap: u64, format: Format) -> Result<(), Failure> {
    let overlap = Duration::from_secs(overlap * 3600);
    let (secret, until) = webhooks.rotate_secret(id, overlap).await.map_err(failed)?;
    if format == Format::Json {
        let shown = json!({ "secret": secret.expose().as_str(), "previous_signs_until": until.to_string() });
        return output::print_json(&shown);
    }
    output::print(&secret.expose())?;
    output::note(&format!("shown this once; the secret before it signs as well until {until}"));
    Ok(())
}

async fn test(session: &Session, webhooks: &Webhooks, id: WebhookId, format: Format) -> Result<(), Failure> {
    let tested = webhooks.test(id, session.keeper.carrier(), PATIENCE).await.map_err(failed)?;
    if let Some(failure) = tested.failure {
        return Err(Failure::new(&format!("message {} did not arrive", tested.message), failure));
    }
    match format {
        Format::Json => output::print_json(&json!({ "message": tested.message, "delivered": true })),
        Format::Text => output::print(&format!("message {} arrived", tested.message)),
    }
}

async fn replay(webhooks: &Webhooks, options: ReplayOptions, format: Format) -> Result<(), Failure> {
    let which = match (options.message, options.since) {
        (Some(message), _) => Replay::Message(message),
        (None, Some(since)) => Replay::Since(since),
        (None, None) => unreachable!("one of the two is required"),
    };
    let messages = webhooks.replay(options.webhook, which).await.map_err(failed)?;
    match format {
        Format::Json => output::print_json(&json!({ "messages": messages })),
        Format::Text => {
            output::print(&format!("{messages} message(s) go out again"))?;
            output::note("a running `evergrant serve` delivers them");
            Ok(())
        }
    }
}

fn failed(error: WebhookError) -> Failure {
    match error {
        WebhookError::Store(error) => error.into(),
        WebhookError::NoSuchWebhook(_) => {
            Failure::of(Exit::NotFound, error.to_string()).advise("see `evergrant webhooks list`")
        }
        WebhookError::NoSuchMessage(_) => {
            Failure::of(Exit::NotFound, error.to_string()).advise("see `evergrant webhooks show WEBHOOK`")
        }
        WebhookError::Invalid(_) => Failure::usage(error.to_string()),
        WebhookError::TooMany => Failure::of(Exit::Other, error.to_string()),
        WebhookError::Disabled => {
            Failure::of(Exit::Other, error.to_string()).advise("`evergrant webhooks enable WEBHOOK`")
        }
    }
}

fn kinds(webhook: &Webhook) -> String {
    let names: Vec<_> = webhook.kinds.iter().map(|kind| kind.as_str()).collect();
    if names.is_empty() { "all".to_owned() } else { names.join(", ") }
}

fn state(webhook: &Webhook) -> (Tone, &'static str) {
    match webhook.disabled.map(|disabled| disabled.reason) {
        Some(DisabledReason::Gone) => (Tone::Bad, "disabled: it answered 410"),
        Some(DisabledReason::Failing) => (Tone::Bad, "disabled: it failed for days"),
        Some(DisabledReason::Asked) => (Tone::Plain, "disabled"),
        None if webhook.health.failures > 0 => (Tone::Warning, "failing"),
        None => (Tone::Good, "ok"),
    }
}

fn standing(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "pending",
        DeliveryState::Delivered => "delivered",
        DeliveryState::GivenUp => "given up",
        DeliveryState::Held => "held",
    }
}

/// As the API shows it.
fn view(webhook: &Webhook) -> Value {
    let at = |time: Option<Timestamp>| time.map(|time| time.to_string());
    json!({
        "id": webhook.id,
        "url": webhook.url.0,
        "types": webhook.kinds,
        "description": webhook.description,
        "enabled": webhook.disabled.is_none(),
        "disabled": webhook.disabled.map(|disabled| json!({ "at": disabled.at.to_string(), "reason": disabled.reason })),
        "failures": webhook.health.failures,
        "failing_since": at(webhook.health.failing_since),
        "last_failure": webhook.health.last_failure,
        "last_success_at": at(webhook.health.last_success_at),
        "created_at": webhook.created_at.to_string(),
        "updated_at": webhook.updated_at.to_string(),
    })
}

fn delivery(delivery: &Delivery) -> Value {
    let at = |time: Option<Timestamp>| time.map(|time| time.to_string());
    json!({
        "message": delivery.message.id,
        "type": delivery.message.kind,
        "at": delivery.message.at.to_string(),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "tried_at": at(delivery.tried_at),
        "due_at": at(delivery.due_at),
        "failure": delivery.failure,
    })
}
