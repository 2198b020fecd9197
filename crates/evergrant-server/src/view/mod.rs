//! What goes out: the JSON forms of what the keeper holds. None has a field for a secret, but [`TokenView`].

mod api_key;
mod attempt;
mod authorization;
mod check;
mod client;
mod diagnosis;
mod event;
mod forecast;
mod grant;
mod token;
mod webhook;

use evergrant::proto::{scope::ScopeSet, time::Timestamp};

pub(crate) use self::{
    api_key::ApiKeyView,
    attempt::AttemptView,
    authorization::AuthorizationView,
    check::CheckView,
    client::ClientView,
    diagnosis::DiagnosisView,
    event::EventView,
    forecast::ForecastView,
    grant::GrantView,
    token::TokenView,
    webhook::{DeliveryView, WebhookView},
};

/// RFC 3339.
fn time(at: Timestamp) -> String {
    at.to_string()
}

fn list(scopes: &ScopeSet) -> Vec<&str> {
    scopes.iter().map(evergrant::proto::scope::Scope::as_str).collect()
}
