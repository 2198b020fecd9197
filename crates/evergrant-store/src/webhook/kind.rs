//! What a message tells.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a message tells. Its name is the message's `type` and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MessageKind {
    /// A resource owner connected a grant, or one was imported.
    GrantConnected,
    /// A grant is dead until its resource owner authorizes again.
    GrantNeedsReauthorization,
    /// A grant that was in trouble works again.
    GrantRecovered,
    /// A grant cannot be refreshed now and may recover without its resource owner.
    GrantDegraded,
    /// A provider rejects a client's registration: its grants pause.
    ClientRejected,
    /// A client's registration works again.
    ClientRecovered,
    /// A message that somebody asked for, to see that messages arrive. No webhook has to choose it.
    WebhookTest,
}

/// A text that names no kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no type of a message: one is grant.connected, grant.needs_reauthorization, grant.recovered, grant.degraded, client.rejected or client.recovered"
)]
pub struct UnknownMessageKind;

impl MessageKind {
    /// What a webhook can choose.
    pub const CHOICE: [Self; 6] = [
        Self::GrantConnected,
        Self::GrantNeedsReauthorization,
        Self::GrantRecovered,
        Self::GrantDegraded,
        Self::ClientRejected,
        Self::ClientRecovered,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GrantConnected => "grant.connected",
            Self::GrantNeedsReauthorization => "grant.needs_reauthorization",
            Self::GrantRecovered => "grant.recovered",
            Self::GrantDegraded => "grant.degraded",
            Self::ClientRejected => "client.rejected",
            Self::ClientRecovered => "client.recovered",
            Self::WebhookTest => "webhook.test",
        }
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for MessageKind {
    type Err = UnknownMessageKind;

    fn from_str(text: &str) -> Result<Self, UnknownMessageKind> {
        Self::CHOICE
            .into_iter()
            .chain([Self::WebhookTest])
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownMessageKind)
    }
}

impl TryFrom<String> for MessageKind {
    type Error = UnknownMessageKind;

    fn try_from(text: String) -> Result<Self, UnknownMessageKind> {
        text.parse()
    }
}

impl From<MessageKind> for String {
    fn from(kind: MessageKind) -> Self {
        kind.as_str().to_owned()
    }
}
