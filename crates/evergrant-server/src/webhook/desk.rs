//! What people do with webhooks, through the API or the command line.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use evergrant::{
    Carrier, Keeper,
    proto::{name::Namespace, time::Timestamp},
    store::{
        StoreError,
        webhook::{
            Delivery, Health, MessageId, MessageKind, Replay, Webhook, WebhookChange, WebhookId,
            WebhookSecret, WebhookUrl,
        },
    },
};
use serde_json::json;
use url::{Host, Url};

use super::exchange::{self, Envelope, Verdict};
use crate::random;

/// Webhooks of one namespace. More are a mistake, or somebody who fills the store.
const MOST: usize = 100;

const MAX_URL_BYTES: usize = 2048;

const MAX_DESCRIPTION_CHARACTERS: usize = 200;

/// How long the secret before signs beside the new one.
pub const OLD_SECRET_SIGNS_FOR: Duration = Duration::from_secs(24 * 3600);

/// The webhooks of a namespace.
#[derive(Debug, Clone)]
pub struct Webhooks {
    keeper: Keeper,
    namespace: Namespace,
}

/// A webhook to be added, or what is to be changed of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewWebhook {
    /// Where messages are posted to.
    pub url: String,
    /// What it wants to be told; empty: everything.
    pub kinds: BTreeSet<MessageKind>,
    /// What people call it.
    pub description: Option<String>,
}

/// What came of a test message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The message's id.
    pub message: MessageId,
    /// Why it did not arrive, in one sentence.
    pub failure: Option<String>,
}

/// Why a webhook cannot be as it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhook {
    /// Its address.
    #[error(
        "the address of a webhook is an https URL of at most {MAX_URL_BYTES} bytes, without credentials and without a fragment; http is for this host alone"
    )]
    Url,
    /// Its description.
    #[error(
        "a description has at most {MAX_DESCRIPTION_CHARACTERS} characters, and none that a terminal would obey"
    )]
    Description,
    /// What it wants to be told.
    #[error("webhook.test is no choice: it comes when somebody asks for it")]
    Kind,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// What is wanted does not fit.
    #[error(transparent)]
    Invalid(#[from] InvalidWebhook),
    /// There is none of that id in the namespace.
    #[error("there is no webhook {0}")]
    NoSuchWebhook(WebhookId),
    /// There is no message of that id in the namespace, or it was forgotten.
    #[error("there is no message {0}: it belongs to another namespace, or was forgotten after 30 days")]
    NoSuchMessage(MessageId),
    /// There are as many as there may be.
    #[error("there are {MOST} webhooks already; remove one first")]
    TooMany,
    /// The webhook is disabled.
    #[error("the webhook is disabled; enable it first")]
    Disabled,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Webhooks {
    /// The webhooks of `namespace`.
    pub fn of(keeper: &Keeper, namespace: Namespace) -> Self {
        Self { keeper: keeper.clone(), namespace }
    }

    /// Reads a time as answers show it (RFC 3339), in whatever zone.
    pub fn parse_time(text: &str) -> Option<Timestamp> {
        text.parse::<jiff::Timestamp>().ok().map(|time| Timestamp(time.as_millisecond()))
    }

    /// All of them, the oldest first.
    ///
    /// # Errors
    ///
    /// See [`WebhookError`]; likewise below.
    pub async fn list(&self) -> Result<Vec<Webhook>, WebhookError> {
        let mut webhooks = self.keeper.webhooks().list_webhooks(self.namespace.clone()).await?;
        webhooks.sort_by_key(|webhook| (webhook.created_at, webhook.id));
        Ok(webhooks)
    }

    /// One of them.
    pub async fn find(&self, id: WebhookId) -> Result<Webhook, WebhookError> {
        let found = self.keeper.webhooks().webhook(self.namespace.clone(), id).await?;
        found.ok_or(WebhookError::NoSuchWebhook(id))
    }

    /// Adds one. Its secret is shown here and never again.
    pub async fn add(&self, new: NewWebhook) -> Result<(Webhook, WebhookSecret), WebhookError> {
        let now = self.now();
        let webhook = Webhook {
            id: WebhookId(u128::from_be_bytes(random::bytes())),
            namespace: self.namespace.clone(),
            url: checked_url(&new.url)?,
            kinds: checked_kinds(new.kinds)?,
            description: new.description.map(checked_description).transpose()?,
            created_at: now,
            updated_at: now,
            disabled: None,
            health: Health::default(),
        };
        let secret = WebhookSecret::new(&random::bytes());
        let added = self.keeper.webhooks().add_webhook(webhook.clone(), secret.clone(), MOST).await?;
        if added { Ok((webhook, secret)) } else { Err(WebhookError::TooMany) }
    }

    /// Changes one.
    pub async fn change(&self, id: WebhookId, change: WebhookUpdate) -> Result<Webhook, WebhookError> {
        let change = WebhookChange {
            url: change.url.as_deref().map(checked_url).transpose()?,
            kinds: change.kinds.map(checked_kinds).transpose()?,
            description: change.description.map(checked_description).transpose()?,
            enabled: change.enabled,
        };
        let (store, now) = (self.keeper.webhooks(), self.now());
        let changed = store.change_webhook(self.namespace.clone(), id, change, now).await?;
        changed.ok_or(WebhookError::NoSuchWebhook(id))
    }

    /// Removes one, with what was still to be delivered to it.
    pub async fn remove(&self, id: WebhookId) -> Result<(), WebhookError> {
        let removed = self.keeper.webhooks().remove_webhook(self.namespace.clone(), id).await?;
        if removed { Ok(()) } else { Err(WebhookError::NoSuchWebhook(id)) }
    }

    /// Gives one a new secret, shown here and never again. The one before signs beside it for `overlap`: zero if it has
    /// leaked. Returns until when.
    pub async fn rotate_secret(
        &self,
        id: WebhookId,
        overlap: Duration,
    ) -> Result<(WebhookSecret, Timestamp), WebhookError> {
        let (secret, now) = (WebhookSecret::new(&random::bytes()), self.now());
        let until = now.plus(overlap);
        let rotated = self
            .keeper
            .webhooks()
            .rotate_webhook_secret(self.namespace.clone(), id, secret.clone(), until, now)
            .await?;
        rotated.map(|_| (secret, until)).ok_or(WebhookError::NoSuchWebhook(id))
    }

    /// Sends a test message at once and says whether it arrived. Also to one that is disabled.
    pub async fn test(
        &self,
        id: WebhookId,
        carrier: &Arc<dyn Carrier>,
        patience: Duration,
    ) -> Result<Tested, WebhookError> {
        let now = self.keeper.clock().now();
        let found = self.keeper.webhooks().webhook_secrets(self.namespace.clone(), id, now.wall).await?;
        let (webhook, secrets) = found.ok_or(WebhookError::NoSuchWebhook(id))?;
        let message = MessageId(u128::from_be_bytes(random::bytes()));
        let body = json!({
            "type": MessageKind::WebhookTest,
            "timestamp": now.wall.to_string(),
            "data": { "namespace": self.namespace, "webhook": id },
        });
        let body = body.to_string().into_bytes();
        let envelope = Envelope { url: &webhook.url, secrets: &secrets, id: message, body };
        let verdict = exchange::send(&**carrier, envelope, (now.wall, now.moment), patience).await;
        let failure = match verdict {
            Verdict::Delivered => None,
            Verdict::Gone => Some("It answered 410: it wants no messages any more.".to_owned()),
            Verdict::Failed(failure, _) => Some(failure),
        };
        Ok(Tested { message, failure })
    }

    /// Delivers messages again, under their own ids; how many.
    pub async fn replay(&self, id: WebhookId, which: Replay) -> Result<u64, WebhookError> {
        if self.find(id).await?.disabled.is_some() {
            return Err(WebhookError::Disabled);
        }
        let (store, now) = (self.keeper.webhooks(), self.now());
        let replayed = store.replay_messages(self.namespace.clone(), id, which, now).await?;
        match (replayed.ok_or(WebhookError::NoSuchWebhook(id))?, which) {
            (0, Replay::Message(message)) => Err(WebhookError::NoSuchMessage(message)),
            (replayed, _) => Ok(replayed),
        }
    }

    /// What became of the messages to one, the newest first.
    pub async fn deliveries(
        &self,
        id: WebhookId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Delivery>, WebhookError> {
        let found = self.keeper.webhooks().deliveries(self.namespace.clone(), id, before, limit).await?;
        found.ok_or(WebhookError::NoSuchWebhook(id))
    }

    fn now(&self) -> Timestamp {
        self.keeper.clock().now().wall
    }
}

/// What is to be changed of a webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookUpdate {
    /// Another address.
    pub url: Option<String>,
    /// Another choice.
    pub kinds: Option<BTreeSet<MessageKind>>,
    /// Another description; an empty one takes it away.
    pub description: Option<String>,
    /// Whether messages are delivered.
    pub enabled: Option<bool>,
}

fn checked_url(text: &str) -> Result<WebhookUrl, InvalidWebhook> {
    let url = Url::parse(text).map_err(|_| InvalidWebhook::Url)?;
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let safe = url.scheme() == "https" || url.scheme() == "http" && is_this_host(&url);
    let fits = text.len() <= MAX_URL_BYTES && url.host().is_some();
    if bare && safe && fits { Ok(WebhookUrl(url.into())) } else { Err(InvalidWebhook::Url) }
}

/// Whether it names this host itself; whether that may be reached is for the guard to say.
fn is_this_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn checked_kinds(kinds: BTreeSet<MessageKind>) -> Result<BTreeSet<MessageKind>, InvalidWebhook> {
    if kinds.contains(&MessageKind::WebhookTest) { Err(InvalidWebhook::Kind) } else { Ok(kinds) }
}

fn checked_description(text: String) -> Result<String, InvalidWebhook> {
    let fits = text.chars().count() <= MAX_DESCRIPTION_CHARACTERS && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(InvalidWebhook::Description) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_out_by_https_and_to_this_host_alone_without() {
        for fit in ["https://a.example/hook?x=1", "http://127.0.0.1:9/", "http://localhost/", "http://[::1]/"]
        {
            assert!(checked_url(fit).is_ok(), "{fit}");
        }
        let long = format!("https://a.example/{}", "a".repeat(MAX_URL_BYTES));
        for unfit in [
            "",
            "/hook",
            "ftp://a.example/",
            "http://a.example/",
            "http://10.0.0.1/",
            "https://u:p@a.example/",
            "https://a.example/#x",
            "file:///etc/passwd",
            "https://",
            &long,
        ] {
            assert_eq!(checked_url(unfit), Err(InvalidWebhook::Url), "{unfit}");
        }
    }

    #[test]
    fn a_description_is_short_and_obeyed_by_no_terminal() {
        assert!(checked_description("Billing".to_owned()).is_ok());
        for unfit in ["a\nb".to_owned(), "\u{1b}[2J".to_owned(), "a".repeat(201)] {
            assert_eq!(checked_description(unfit), Err(InvalidWebhook::Description));
        }
    }
}
