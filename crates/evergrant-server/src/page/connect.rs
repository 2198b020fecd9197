//! The page behind a link: who asks whom, for what, and why.

use askama::Template;

use super::{Brand, Parties, Styled};

#[derive(Debug, Template)]
#[template(path = "connect.html")]
pub(crate) struct ConnectPage {
    pub(crate) parties: Parties,
    /// Where the button leads.
    pub(crate) host: Option<String>,
    /// Whether an account was connected before, which has to be the same again.
    pub(crate) is_known: bool,
    /// Whether the connection has stopped working.
    pub(crate) is_dead: bool,
    /// What the cause means.
    pub(crate) why: Option<String>,
}

impl ConnectPage {
    fn brand(&self) -> Option<&Brand> {
        self.parties.app.as_ref()
    }

    fn verb(&self) -> &'static str {
        if self.is_known { "Reconnect" } else { "Connect" }
    }

    fn provider(&self) -> &str {
        &self.parties.provider
    }

    /// The host, unless the provider is called by it.
    fn shown_host(&self) -> Option<&str> {
        self.host.as_deref().filter(|host| *host != self.parties.provider)
    }
}

impl Styled for ConnectPage {
    fn accent(&self) -> Option<&str> {
        self.brand().and_then(Brand::style)
    }
}
