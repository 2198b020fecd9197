//! The page behind a link for re-authorization: who asks, for what, and why.

use askama::Template;
use evergrant::proto::diagnosis::{Cause, Diagnosis};

use super::Tone;

#[derive(Debug, Template)]
#[template(path = "connect.html")]
pub(crate) struct ConnectPage {
    /// Our name of the client.
    pub(crate) client: String,
    pub(crate) provider: String,
    /// Where the button leads.
    pub(crate) host: Option<String>,
    /// What the cause means.
    pub(crate) why: Option<String>,
}

impl ConnectPage {
    /// The host, unless the provider is called by it.
    fn shown_host(&self) -> Option<&str> {
        self.host.as_deref().filter(|host| *host != self.provider)
    }
}

/// Why, for the person whose account it is. That nothing decides between several causes helps nobody: then the likeliest is
/// named as what it is.
pub(crate) fn why(diagnosis: &Diagnosis) -> String {
    match diagnosis.alternatives.first() {
        Some(likeliest) if diagnosis.cause == Cause::Undetermined => {
            format!("The provider does not say. It may be this: {}", likeliest.meaning())
        }
        _ => diagnosis.cause.meaning().to_owned(),
    }
}
