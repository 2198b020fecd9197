//! The page behind a link for re-authorization: who asks, for what, and why.

use askama::Template;

use super::{Brand, Parties, Styled};

#[derive(Debug, Template)]
#[template(path = "connect.html")]
pub(crate) struct ConnectPage {
    pub(crate) parties: Parties,
    /// Where the button leads.
    pub(crate) host: Option<String>,
    /// What the cause means.
    pub(crate) why: Option<String>,
}

impl ConnectPage {
    fn brand(&self) -> Option<&Brand> {
        self.parties.app.as_ref()
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
