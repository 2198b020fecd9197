//! How often the remedies of a diagnosis worked here.

use std::fmt::Write as _;

use evergrant::proto::{
    diagnosis::{Action, Diagnosis},
    remedy_rates::Rate,
};
use serde_json::{Value, json};

use crate::{failure::Failure, session::Session};

/// For programs: one object a remedy that was taken here before.
pub(super) async fn measured(session: &Session, diagnosis: Option<&Diagnosis>) -> Result<Value, Failure> {
    let Some(diagnosis) = diagnosis else { return Ok(json!([])) };
    let rates = rates(session, diagnosis).await?;
    let view = |(action, rate): (Action, Rate)| json!({ "action": action, "worked": rate.worked, "tried": rate.tried });
    Ok(rates.into_iter().map(view).collect())
}

/// Lines to be put under a diagnosis; none if nothing was counted.
pub(super) async fn in_words(session: &Session, diagnosis: &Diagnosis) -> Result<String, Failure> {
    let mut text = String::new();
    for (action, Rate { worked, tried }) in rates(session, diagnosis).await? {
        let what = match action {
            Action::Reauthorize => "signing in again",
            Action::RetryWithBackoff => "trying again",
            Action::FixClientConfig => "correcting the client",
            _ => "it",
        };
        // Writing into a String cannot fail.
        write!(text, "\n  {:<10} {what} worked {worked} of {tried} times", "here").unwrap_or_default();
    }
    Ok(text)
}

async fn rates(session: &Session, diagnosis: &Diagnosis) -> Result<Vec<(Action, Rate)>, Failure> {
    let rates = session.keeper.remedy_rates().await?;
    let mut actions: Vec<_> = diagnosis.remedies.iter().map(|remedy| remedy.action).collect();
    actions.dedup();
    let rate = |action| rates.of(diagnosis.cause, action).map(|rate| (action, rate));
    Ok(actions.into_iter().filter_map(rate).collect())
}
