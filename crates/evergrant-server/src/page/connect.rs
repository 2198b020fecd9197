//! The page behind a link for re-authorization: who asks, for what, and why.

use askama::Template;

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
    pub(crate) why: Option<&'static str>,
}
