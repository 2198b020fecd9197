//! `evergrant api-keys`: who may ask the server, and for what.

use std::time::Duration;

use clap::{Args, Subcommand};
use evergrant::{
    NewApiKey,
    proto::{name::Namespace, time::Timestamp},
    store::access::{ApiKeyId, ApiKeyRecord, KeyName, KeyScope},
};
use evergrant_server::ApiKey;
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

pub(crate) type Group = cli::Group<Command>;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key and print it, this once
    Create(Create),
    /// List the keys that see this namespace; never the keys themselves
    List {
        /// Those of every namespace
        #[arg(long)]
        all_namespaces: bool,
    },
    /// Take a key away for good; running servers refuse it within two seconds
    Revoke {
        /// The id that `list` shows
        key: ApiKeyId,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What people call it
    #[arg(value_parser = KeyName::new)]
    name: KeyName,
    /// What it may do: read-token, manage (everything in its namespace), or admin (API keys and namespaces, too)
    #[arg(long)]
    scope: KeyScope,
    /// It sees every namespace, not only this one
    #[arg(long)]
    all_namespaces: bool,
    /// When it ends by itself: 90d, 12h, 30m [default: never]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    expires_in: Option<Duration>,
}

pub(crate) async fn run(group: Group) -> Result<(), Failure> {
    let Group { store, format: FormatOptions { format }, command } = group;
    with_session(&store, async |session| match command {
        Command::Create(create) => make(session, create, format).await,
        Command::List { all_namespaces } => list(session, all_namespaces, format).await,
        Command::Revoke { key } => revoke(session, key, format).await,
    })
    .await
}

async fn make(session: &Session, create: Create, format: Format) -> Result<(), Failure> {
    let key = ApiKey::generate();
    let now = session.keeper.clock().now().wall;
    let new = NewApiKey {
        digest: key.digest(),
        name: create.name,
        namespace: (!create.all_namespaces).then(|| session.namespace.clone()),
        scope: create.scope,
        expires_at: create.expires_in.map(|after| now.plus(after)),
    };
    let made = session.keeper.add_api_key(new).await?;
    let made = made.ok_or_else(|| no_such_namespace(&session.namespace))?;
    if format == Format::Json {
        let mut shown = view(&made, now);
        shown["key"] = json!(key.expose());
        return output::print_json(&shown);
    }
    output::print(key.expose())?;
    output::note(&format!("shown this once; its id is {}, which `evergrant api-keys revoke` takes", made.id));
    Ok(())
}

async fn list(session: &Session, all: bool, format: Format) -> Result<(), Failure> {
    let now = session.keeper.clock().now().wall;
    let access = session.keeper.access(None).await?;
    let keys: Vec<_> = access.into_iter().flat_map(|access| access.keys).collect();
    let keys = keys.iter().filter(|key| all || key.sees(&session.namespace));
    if format == Format::Json {
        return output::print_json(
            &json!({ "api_keys": keys.map(|key| view(key, now)).collect::<Vec<_>>() }),
        );
    }
    let mut table = Table::new(&["ID", "NAME", "SCOPE", "NAMESPACE", "STATE", "LAST USED", "ENDS"]);
    for key in keys {
        let (tone, state) = state(key, now);
        let namespace = key.namespace.as_ref().map_or("all", Namespace::as_str);
        let at = |time: Option<Timestamp>| time.map_or("never".to_owned(), |time| time.to_string());
        table.row([
            (Tone::Plain, key.id.to_string()),
            (Tone::Plain, key.name.to_string()),
            (Tone::Plain, key.scope.to_string()),
            (Tone::Plain, namespace.to_owned()),
            (tone, state.to_owned()),
            (Tone::Plain, at(key.last_used_at)),
            (Tone::Plain, at(key.revoked_at.or(key.expires_at))),
        ]);
    }
    output::print(&table.render(style::of_stdout()))
}

async fn revoke(session: &Session, key: ApiKeyId, format: Format) -> Result<(), Failure> {
    let Some(revoked) = session.keeper.revoke_api_key(key, None).await? else {
        return Err(Failure::of(Exit::NotFound, format!("there is no API key {key}"))
            .advise("see `evergrant api-keys list --all-namespaces`"));
    };
    match format {
        Format::Json => output::print_json(&json!({ "revoked": key.to_string() })),
        Format::Text => output::print(&format!("revoked API key {key}, {:?}", revoked.name.as_str())),
    }
}

fn view(key: &ApiKeyRecord, now: Timestamp) -> Value {
    let at = |time: Option<Timestamp>| time.map(|time| time.to_string());
    json!({
        "id": key.id.to_string(),
        "name": key.name.as_str(),
        "scope": key.scope.as_str(),
        "namespace": key.namespace,
        "state": state(key, now).1,
        "created_at": key.created_at.to_string(),
        "expires_at": at(key.expires_at),
        "revoked_at": at(key.revoked_at),
        "last_used_at": at(key.last_used_at),
    })
}

fn state(key: &ApiKeyRecord, now: Timestamp) -> (Tone, &'static str) {
    match key.revoked_at {
        Some(_) => (Tone::Bad, "revoked"),
        None if key.is_good_at(now) => (Tone::Good, "active"),
        None => (Tone::Bad, "expired"),
    }
}

pub(super) fn no_such_namespace(namespace: &Namespace) -> Failure {
    Failure::of(Exit::NotFound, format!("there is no namespace {namespace}"))
        .advise(format!("add it with `evergrant namespaces add {namespace}`"))
}

/// `90d`: a number and the first letter of a unit.
fn duration(text: &str) -> Result<Duration, String> {
    let explain = || "write a number and s, m, h or d: 90d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(explain)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(explain()),
    };
    let number: u64 = number.parse().map_err(|_| explain())?;
    number.checked_mul(seconds).filter(|whole| *whole > 0).map(Duration::from_secs).ok_or_else(explain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_its_unit() {
        assert_eq!(duration("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert_eq!(duration("30m"), Ok(Duration::from_secs(1800)));
        for text in ["", "d", "90", "-1d", "0d", "90w", "1ü", "18446744073709551615d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
