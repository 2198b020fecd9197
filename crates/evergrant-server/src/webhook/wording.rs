//! What helps, in sentences.

use evergrant::proto::diagnosis::{Action, Actor, Remedy};

/// A remedy as a sentence that names who acts.
pub(super) fn sentence(remedy: Remedy) -> String {
    let who = match remedy.actor {
        Actor::Evergrant => return by_itself(remedy.action).to_owned(),
        Actor::Provider => return "The provider has to mend this; it is tried again meanwhile.".to_owned(),
        Actor::User => "The user",
        Actor::Operator => "Whoever runs this installation",
        Actor::Administrator => "The administrator of the user's organization or network",
    };
    let what = match remedy.action {
        Action::Reauthorize => "signs in again; the grant keeps its id",
        Action::FixCode => "changes the program or deployment that sends the requests",
        Action::FixClientConfig => {
            "corrects the client registration: identifier, secret, endpoint, redirect URI, or its state at the provider"
        }
        Action::FixClock => "sets the clock",
        Action::ContactAdmin => "allows it",
        Action::RetryWithBackoff | Action::Other => "waits",
    };
    format!("{who} {what}.")
}

fn by_itself(action: Action) -> &'static str {
    match action {
        Action::RetryWithBackoff => "Nobody has to act: it is tried again by itself, slower each time.",
        _ => "Nobody has to act: it goes on by itself.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_names_who_acts() {
        let reauthorize = Remedy { action: Action::Reauthorize, actor: Actor::User };
        assert_eq!(sentence(reauthorize), "The user signs in again; the grant keeps its id.");
        let retry = Remedy { action: Action::RetryWithBackoff, actor: Actor::Evergrant };
        assert!(sentence(retry).starts_with("Nobody has to act"));
    }
}
