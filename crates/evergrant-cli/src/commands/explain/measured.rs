//! How often remedies worked in the store of whoever asks, if there is one.

use evergrant::proto::{
    diagnosis::{Action, Cause, remedies},
    remedy_rates::{Rate, Rates},
};
use evergrant_explain::explanation::Explanation;
use serde_json::{Value, json};

use crate::{
    cli::StoreOptions,
    config::Config,
    location::StoreLocation,
    output::diagnosis::{NOTHING_MEASURED, measured_view, measured_words},
    session::with_session,
};

/// What was counted there; nothing where there is no store, or it cannot be opened: an explanation needs none, and makes
/// none.
pub(super) async fn rates(options: &StoreOptions) -> Rates {
    if !has_store(options) {
        return Rates::default();
    }
    let counting = with_session(options, async |session| Ok(session.keeper.recent_remedy_rates().await));
    counting.await.unwrap_or_default()
}

fn has_store(options: &StoreOptions) -> bool {
    let configured = || Config::of(&options.settings).ok()?.store;
    let location = options.store.clone().or_else(configured);
    let location = location.map_or_else(StoreLocation::usual, Ok);
    location.is_ok_and(|location| location.path().exists())
}

/// A line for each remedy that was taken, or one that says that none was.
pub(super) fn lines(cause: Cause, rates: &Rates) -> String {
    let words: Vec<_> = known(cause, rates).map(|(action, rate)| measured_words(action, rate)).collect();
    if words.is_empty() {
        return format!("\nHere: {NOTHING_MEASURED}.");
    }
    format!("\nHere: {}.", words.join(".\nHere: "))
}

/// The explanation for programs, with what was measured.
pub(super) fn beside(explanation: &Explanation, rates: &Rates) -> Value {
    let mut shown = json!(explanation);
    shown["measured"] =
        known(explanation.cause, rates).map(|(action, rate)| measured_view(action, rate)).collect();
    shown
}

fn known(cause: Cause, rates: &Rates) -> impl Iterator<Item = (Action, Rate)> {
    remedies(cause)
        .into_iter()
        .filter_map(move |remedy| Some((remedy.action, rates.of(cause, remedy.action)?)))
}
