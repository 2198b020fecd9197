//! `evergrant clients list` and `show`.

use evergrant::proto::{
    client::ClientRecord, diagnosis::Diagnosis, name::ClientName, remedy_rates::Rates,
    wire::redirect_uri::RedirectUri,
};
use serde_json::{Value, json};

use super::learned;
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

pub(super) async fn list(session: &Session, format: Format) -> Result<(), Failure> {
    let clients = session.keeper.clients(&session.namespace).await?;
    if format == Format::Json {
        let rates = session.keeper.recent_remedy_rates().await;
        return output::print_json(&clients.iter().map(|client| view(client, &rates)).collect::<Vec<_>>());
    }
    if clients.is_empty() {
        output::note("no clients in this namespace; add one with `evergrant clients add`");
        return Ok(());
    }
    let mut table = Table::new(&["CLIENT", "PROVIDER", "CLIENT ID", "STATE"]);
    for client in &clients {
        let (tone, state) = state(client);
        table.row([
            (Tone::Plain, client.name.to_string()),
            (Tone::Plain, client.issuer.clone().unwrap_or_else(|| client.provider.id.clone())),
            (Tone::Plain, client.identifier.to_string()),
            (tone, state.to_owned()),
        ]);
    }
    output::print(&table.render(style::of_stdout()))
}

pub(super) async fn one(session: &Session, name: &ClientName, format: Format) -> Result<(), Failure> {
    let client = session.client(name).await?;
    let rates = session.keeper.recent_remedy_rates().await;
    if format == Format::Json {
        return output::print_json(&view(&client, &rates));
    }
    let list = |items: Vec<&str>| items.join(", ");
    let endpoint = |url: &Option<url::Url>| url.as_ref().map(ToString::to_string);
    let (tone, state) = state(&client);
    let mut table = Table::of_one();
    table.pair("client", client.name.to_string());
    table.pair("provider", client.provider.name.clone());
    table.pair("issuer", client.issuer.clone());
    table.pair("client id", client.identifier.to_string());
    table.pair("authentication", name_of(&client.authentication));
    table.pair("secret", client.secret.as_ref().map(|_| "set".to_owned()));
    table.pair("scopes", client.scopes.to_string());
    table.pair("redirect URIs", list(client.redirect_uris.iter().map(RedirectUri::as_str).collect()));
    table.pair("return URLs", list(client.return_urls.iter().map(String::as_str).collect()));
    table.pair("authorization", endpoint(&client.endpoints.authorization));
    table.pair("token", endpoint(&client.endpoints.token));
    table.pair("revocation", endpoint(&client.endpoints.revocation));
    table.pair("device", endpoint(&client.endpoints.device_authorization));
    table.pair("rotation", learned::rotation(&client, name_of(&client.provider.rotation.kind)));
    table.pair("keep-alive", (if client.keep_alive { "on" } else { "off" }).to_owned());
    table.pair("brand name", client.branding.name.as_ref().map(ToString::to_string));
    table.pair("brand colour", client.branding.color.map(|color| color.to_string()));
    learned::add_to(&mut table, &client);
    table.toned("state", tone, state.to_owned());
    table.pair("added", client.created_at.to_string());
    table.pair("updated", client.updated_at.to_string());
    output::print(&table.render(style::of_stdout()))?;
    match rejection(&client) {
        Some(known) => output::print(&format!("\n{}", diagnosis::describe(known, &rates).trim_end())),
        None => Ok(()),
    }
}

/// What may be told about a client, for programs.
pub(super) fn view(client: &ClientRecord, rates: &Rates) -> Value {
    json!({
        "client": client.name,
        "namespace": client.namespace,
        "provider": client.provider.id,
        "issuer": client.issuer,
        "client_id": client.identifier,
        "authentication": client.authentication,
        "has_secret": client.secret.is_some(),
        "scopes": client.scopes,
        "redirect_uris": client.redirect_uris,
        "return_urls": client.return_urls,
        "endpoints": client.endpoints,
        "rotation": client.provider.rotation,
        "learned": client.learned.compared_with(&client.provider),
        "keep_alive": client.keep_alive,
        "branding": client.branding,
        "state": state(client).1,
        "diagnosis": rejection(client).map(|known| diagnosis::view(known, rates)),
        "version": client.version,
        "created_at": client.created_at.to_string(),
        "updated_at": client.updated_at.to_string(),
    })
}

/// Why the registration is rejected: as a whole, or for the first organization.
fn rejection(client: &ClientRecord) -> Option<&Diagnosis> {
    let breaker = &client.breaker;
    breaker.whole.iter().chain(breaker.parts.values()).map(|suspension| &*suspension.diagnosis).next()
}

fn state(client: &ClientRecord) -> (Tone, &'static str) {
    if client.breaker.whole.is_some() {
        (Tone::Bad, "suspended")
    } else if client.breaker.is_closed() {
        (Tone::Good, "ok")
    } else {
        (Tone::Warning, "suspended for some")
    }
}

/// The name that serde gives a plain variant.
fn name_of(variant: &impl serde::Serialize) -> Option<String> {
    serde_json::to_value(variant).ok()?.as_str().map(str::to_owned)
}
