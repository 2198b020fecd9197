//! Ids of webhooks and messages.

use std::{fmt, str::FromStr};

use evergrant_proto::name::parse_id;
use serde::{Deserialize, Serialize};

/// Names one webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookId(pub u128);

/// Names one message: `webhook-id`, by which receivers tell a repetition. Random, so that a store that was restored
/// never gives one out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(pub u128);

/// A text that is no such id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no id of a {what}: one is {prefix:?} and 32 hexadecimal digits")]
pub struct InvalidWebhookId {
    what: &'static str,
    prefix: &'static str,
}

const WEBHOOK: InvalidWebhookId = InvalidWebhookId { what: "webhook", prefix: "wh_" };
const MESSAGE: InvalidWebhookId = InvalidWebhookId { what: "message", prefix: "msg_" };

fn parse(text: &str, kind: InvalidWebhookId) -> Result<u128, InvalidWebhookId> {
    parse_id(text, kind.prefix).map_err(|_| kind)
}

impl fmt::Display for WebhookId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{:032x}", WEBHOOK.prefix, self.0)
    }
}

impl FromStr for WebhookId {
    type Err = InvalidWebhookId;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookId> {
        parse(text, WEBHOOK).map(Self)
    }
}

impl TryFrom<String> for WebhookId {
    type Error = InvalidWebhookId;

    fn try_from(text: String) -> Result<Self, InvalidWebhookId> {
        text.parse()
    }
}

impl From<WebhookId> for String {
    fn from(id: WebhookId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{:032x}", MESSAGE.prefix, self.0)
    }
}

impl FromStr for MessageId {
    type Err = InvalidWebhookId;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookId> {
        parse(text, MESSAGE).map(Self)
    }
}

impl TryFrom<String> for MessageId {
    type Error = InvalidWebhookId;

    fn try_from(text: String) -> Result<Self, InvalidWebhookId> {
        text.parse()
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_their_text_form_and_nothing_else_is_one() {
        assert_eq!(WebhookId(0xab).to_string().parse(), Ok(WebhookId(0xab)));
        assert_eq!(MessageId(u128::MAX).to_string().parse(), Ok(MessageId(u128::MAX)));
        for text in ["", "wh_", "wh_+0000000000000000000000000000000", "msg_000000000000000000000000000000ab"]
        {
            assert_eq!(text.parse::<WebhookId>(), Err(WEBHOOK), "{text}");
        }
    }
}
