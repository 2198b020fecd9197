//! `evergrant grants revoke` and `remove`.

use evergrant::proto::{grant::GrantRecord, name::GrantId};
use serde_json::json;

use super::show;
use crate::{cli::Format, failure::Failure, output, session::Session};

pub(super) async fn revoke(session: &Session, id: GrantId, format: Format) -> Result<(), Failure> {
    let held = session.grant(id).await?;
    let ended = session.keeper.revoke(id).await.map_err(|error| Failure::without_token(&error, &held))?;
    match format {
        Format::Json => output::print_json(&show::view(&ended, &session.keeper.recent_remedy_rates().await)),
        Format::Text => told("revoked", &ended),
    }
}

pub(super) async fn remove(session: &Session, id: GrantId, format: Format) -> Result<(), Failure> {
    let held = session.grant(id).await?;
    let ended = session.keeper.remove(id).await.map_err(|error| Failure::without_token(&error, &held))?;
    match format {
        Format::Json => output::print_json(&json!({ "removed": id, "confirmed": is_confirmed(&ended) })),
        Format::Text => told("removed", &ended),
    }
}

fn told(what: &str, grant: &GrantRecord) -> Result<(), Failure> {
    output::print(&format!("{what} grant {}", grant.id))?;
    if !is_confirmed(grant) {
        output::note(
            "the provider has not confirmed yet; a running `evergrant serve` tries again until it does, and so does this command",
        );
    }
    Ok(())
}

fn is_confirmed(grant: &GrantRecord) -> bool {
    grant.revocation.is_none_or(|revocation| revocation.confirmed_at.is_some())
}
