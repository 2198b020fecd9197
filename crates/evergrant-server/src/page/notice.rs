//! How an authorization ended, and what to do now.

use askama::Template;
use url::Url;

use super::{Brand, Parties, Styled, Tone};

#[derive(Debug, Template)]
#[template(path = "notice.html")]
pub(crate) struct Notice {
    tone: Tone,
    heading: String,
    paragraphs: Vec<String>,
    /// What the cause means.
    why: Option<String>,
    /// What only helps who runs the app.
    detail: Option<String>,
    parties: Parties,
    /// Where the same can be tried again.
    again: Option<String>,
    /// The way back to the app.
    back: Option<String>,
    /// What to do where there is neither.
    closing: &'static str,
}

const CLOSE: &str = "You can close this page.";
const ANEW: &str = "Go back to the app and start again from there.";
const FRESH: &str = "Ask the app for a new link.";

impl Notice {
    fn new(tone: Tone, parties: Parties, heading: impl Into<String>, paragraph: impl Into<String>) -> Self {
        Self {
            tone,
            heading: heading.into(),
            paragraphs: vec![paragraph.into()],
            why: None,
            detail: None,
            parties,
            again: None,
            back: None,
            closing: ANEW,
        }
    }

    pub(crate) fn connected(parties: Parties) -> Self {
        let heading = match parties.app {
            Some(_) => format!("{} is connected", parties.provider),
            None => "Your account is connected".to_owned(),
        };
        let paragraph = works(&parties);
        Self { closing: CLOSE, ..Self::new(Tone::Good, parties, heading, paragraph) }
    }

    pub(crate) fn wrong_account(parties: Parties) -> Self {
        let provider = &parties.provider;
        let signed_in = format!(
            "You signed in at {provider} with another account than the one that was connected before. Nothing was changed."
        );
        let choose = format!("At {provider}, sign out or choose the account that was connected.");
        Self::new(Tone::Care, parties, "This is another account", signed_in).and(choose)
    }

    /// The answer to a link that has led to a connection.
    pub(crate) fn already_connected(parties: Parties) -> Self {
        let paragraph = format!("It worked. {} There is nothing more to do.", works(&parties));
        Self { closing: CLOSE, ..Self::new(Tone::Good, parties, "This link was used already", paragraph) }
    }

    /// The answer to a link that has led to nothing.
    pub(crate) fn link_spent(parties: Parties) -> Self {
        let paragraph = "A link works once. This one did not lead to a connection, and nothing was changed.";
        Self::new(Tone::Care, parties, "This link was used already", paragraph)
    }

    /// The answer to a link that is being followed at this moment.
    pub(crate) fn under_way(parties: Parties) -> Self {
        let paragraph = "This page was opened twice, and the first one is still at work.";
        let notice = Self::new(Tone::Care, parties, "One moment, please", paragraph);
        Self { closing: "Reload this page in a minute.", ..notice }
    }

    pub(crate) fn link_replaced(parties: Parties) -> Self {
        let paragraph = "The same was started once more, in another tab or from a newer message. Only the newest one counts.";
        let notice = Self::new(Tone::Care, parties, "There is a newer link", paragraph);
        Self { closing: "Go on with the newest one.", ..notice }
    }

    pub(crate) fn link_expired(parties: Parties) -> Self {
        let paragraph =
            "To keep your account safe, a link works for a limited time only. Nothing was changed.";
        Self { closing: FRESH, ..Self::new(Tone::Care, parties, "This link has expired", paragraph) }
    }

    pub(crate) fn link_unknown() -> Self {
        let paragraph = "It may have been cut off on its way to you, or is no longer known here.";
        let notice = Self::new(Tone::Care, Parties::unknown(), "This link leads nowhere", paragraph);
        Self { closing: FRESH, ..notice }
    }

    pub(crate) fn denied(parties: Parties, reason: &str) -> Self {
        let paragraph = "Access was not given, so nothing was connected and nothing was changed.";
        let notice = Self::new(Tone::Care, parties, "Not connected", paragraph);
        let detail = format!("Answer of {}: {reason}", notice.parties.provider);
        Self { detail: Some(detail), ..notice }
    }

    pub(crate) fn failed(parties: Parties, why: Option<String>, reason: &str) -> Self {
        let paragraph = format!(
            "You came back from {}, but the connection could not be completed. Nothing was changed.",
            parties.provider
        );
        let notice = Self::new(Tone::Fault, parties, "The connection failed", paragraph);
        Self { why, detail: Some(reason.to_owned()), ..notice }
    }

    pub(crate) fn not_an_answer() -> Self {
        let paragraph = "The address of this page is not the answer of a provider. Nothing was changed.";
        Self::new(Tone::Fault, Parties::unknown(), "Something is missing here", paragraph)
    }

    pub(crate) fn out_of_order() -> Self {
        let paragraph =
            "This is our fault and not yours. Nothing is lost; please try again in a few minutes.";
        let notice = Self::new(Tone::Fault, Parties::unknown(), "Something went wrong here", paragraph);
        Self { closing: CLOSE, ..notice }
    }

    pub(crate) fn misconfigured(detail: &str) -> Self {
        let paragraph = "The connection cannot be started, and only who runs this app can change that.";
        let notice = Self::new(Tone::Fault, Parties::unknown(), "Something is not set up", paragraph);
        Self { closing: CLOSE, detail: Some(detail.to_owned()), ..notice }
    }

    pub(crate) fn nothing_to_do(parties: Parties) -> Self {
        let paragraph = format!("The connection to {} works. There is nothing to do.", parties.provider);
        Self { closing: CLOSE, ..Self::new(Tone::Good, parties, "All is well", paragraph) }
    }

    pub(crate) fn ended(parties: Parties) -> Self {
        let paragraph = "This connection was ended on purpose, so it cannot be renewed.";
        Self::new(Tone::Care, parties, "This connection has ended", paragraph)
    }

    pub(crate) fn too_often(parties: Parties, minutes: u64) -> Self {
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        let paragraph = format!(
            "This connection was started several times and never completed. To end a loop, it can be started again in {minutes} {unit}."
        );
        Self { closing: CLOSE, ..Self::new(Tone::Care, parties, "Please wait a little", paragraph) }
    }

    /// With a button that begins the same again.
    pub(crate) fn again_at(self, address: Option<String>) -> Self {
        Self { again: address, ..self }
    }

    /// With the way back to the app.
    pub(crate) fn back_to(self, address: Option<Url>) -> Self {
        Self { back: address.map(Into::into), ..self }
    }

    fn and(mut self, paragraph: String) -> Self {
        self.paragraphs.push(paragraph);
        self
    }

    fn brand(&self) -> Option<&Brand> {
        self.parties.app.as_ref()
    }

    fn app_name(&self) -> &str {
        self.parties.app_name()
    }
}

impl Styled for Notice {
    fn accent(&self) -> Option<&str> {
        self.brand().and_then(Brand::style)
    }
}

fn works(parties: &Parties) -> String {
    format!("From now on, {} can use your account at {}.", parties.app_name(), parties.provider)
}
