//! How an authorization ended, and what to do now.

use askama::Template;
use url::Url;

use super::Tone;

#[derive(Debug, Template)]
#[template(path = "notice.html")]
pub(crate) struct Notice {
    tone: Tone,
    heading: String,
    paragraphs: Vec<String>,
    /// A heading and what was said.
    why: Option<(&'static str, String)>,
    /// The way back to the app.
    back: Option<String>,
    /// What to do where there is none.
    closing: &'static str,
}

const CLOSE: &str = "You can close this page.";
const ANEW: &str = "Go back to the app and start again from there.";

impl Notice {
    fn new(tone: Tone, heading: &str, paragraph: &str) -> Self {
        Self {
            tone,
            heading: heading.to_owned(),
            paragraphs: vec![paragraph.to_owned()],
            why: None,
            back: None,
            closing: ANEW,
        }
    }

    pub(crate) fn connected(client: &str, provider: &str) -> Self {
        let paragraph = format!("{client} can use your {provider} account from now on.");
        Self { closing: CLOSE, ..Self::new(Tone::Good, &format!("{provider} is connected"), &paragraph) }
    }

    pub(crate) fn wrong_account(provider: &str) -> Self {
        let mut notice = Self::new(
            Tone::Care,
            "This is another account",
            &format!(
                "You signed in at {provider} with another account than the one that was connected before."
            ),
        );
        notice.paragraphs.push(
            "Nothing was changed. Sign out there, or choose the other account, and start again.".to_owned(),
        );
        notice
    }

    pub(crate) fn link_used() -> Self {
        let paragraph = "A link works once and for half an hour. This one was used already, has expired, or a newer one has taken its place.";
        Self::new(Tone::Care, "This link has ended", paragraph)
    }

    pub(crate) fn denied(reason: &str) -> Self {
        let paragraph = "Access was not given, so nothing was connected and nothing was changed.";
        Self::new(Tone::Care, "Not connected", paragraph).because("The provider says", reason)
    }

    pub(crate) fn failed(reason: &str) -> Self {
        let paragraph =
            "The provider sent you back, and then did not complete the connection. Nothing was changed.";
        Self::new(Tone::Fault, "The connection failed", paragraph).because("Why", reason)
    }

    pub(crate) fn not_an_answer() -> Self {
        let paragraph = "The address of this page is not the answer of a provider. Nothing was changed.";
        Self::new(Tone::Fault, "Something is missing here", paragraph)
    }

    pub(crate) fn out_of_order() -> Self {
        let paragraph =
            "This is our fault and not yours. Nothing is lost; please try again in a few minutes.";
        Self { closing: CLOSE, ..Self::new(Tone::Fault, "Something went wrong here", paragraph) }
    }

    pub(crate) fn misconfigured(detail: &str) -> Self {
        let paragraph = "The connection cannot be started, and only who runs this app can change that.";
        Self { closing: CLOSE, ..Self::new(Tone::Fault, "Something is not set up", paragraph) }
            .because("For them", detail)
    }

    pub(crate) fn nothing_to_do(provider: &str) -> Self {
        let paragraph = format!("The connection to {provider} works. There is nothing to do.");
        Self { closing: CLOSE, ..Self::new(Tone::Good, "All is well", &paragraph) }
    }

    pub(crate) fn ended() -> Self {
        let paragraph = "This connection was ended on purpose, so it cannot be renewed.";
        Self::new(Tone::Care, "This connection has ended", paragraph)
    }

    pub(crate) fn too_often(minutes: u64) -> Self {
        let paragraph = format!(
            "This connection was started several times and never completed. To end a loop, it can be started again in {minutes} minutes."
        );
        Self { closing: CLOSE, ..Self::new(Tone::Care, "Please wait a little", &paragraph) }
    }

    /// With a button that leads there.
    pub(crate) fn back_to(self, address: Option<Url>) -> Self {
        Self { back: address.map(Into::into), ..self }
    }

    fn because(self, heading: &'static str, reason: &str) -> Self {
        Self { why: Some((heading, reason.to_owned())), ..self }
    }
}
