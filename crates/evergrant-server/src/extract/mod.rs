//! What comes in. Every input is hostile: each extractor refuses with a problem that says what is wrong and repeats
//! no value that could be a secret.

mod body;
mod caller;
mod idempotent;
mod identifier;
mod labels;
mod object;
mod parameters;
mod scopes;
mod secret;

pub(crate) use self::{
    body::{Body, without_value},
    caller::Caller,
    idempotent::Idempotent,
    identifier::{
        ApiKeyPath, AuthorizationPath, ClientPath, GrantPath, NamespacePath, TextPath, WebhookPath,
    },
    labels::{Labels, MAX_VALUE_BYTES},
    object::Object,
    parameters::Parameters,
    scopes::Scopes,
    secret::Secret,
};

/// A piece of what came in, fit to be shown: one line, no escape codes, not long.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().filter(|letter| !letter.is_control()).take(200).collect();
    if text.chars().count() > 200 {
        shown.push('…');
    }
    shown
}
