//! One row: a cause, how it is played, and how right what was said has to be.

use std::{future::Future, pin::Pin};

use evergrant::proto::diagnosis::{Cause, Certainty};
use evergrant_rehearse::ClientSettings;
use serde_json::Value;

use crate::play::Play;

/// Plays a cause and comes back with what was said of it.
pub(crate) type Scene = for<'a> fn(&'a Play<'a>) -> Pin<Box<dyn Future<Output = Said> + Send + 'a>>;

pub(crate) struct Row {
    /// The truth.
    pub(crate) cause: Cause,
    /// How it comes about, for people.
    pub(crate) played: &'static str,
    /// What the provider says of it, as it is documented somewhere; none: the texts of the standards, which are the
    /// same for every cause.
    pub(crate) words: Option<Words>,
    /// Whether nothing but the right answer will do.
    pub(crate) decidable: bool,
    /// What the catalogue knows of the provider, in TOML.
    pub(crate) provider: &'static str,
    /// Whether it knows how to ask for a refresh token.
    pub(crate) asks_for_offline: bool,
    /// How the client is registered at the provider.
    pub(crate) registered: fn(ClientSettings) -> ClientSettings,
    pub(crate) scene: Scene,
    /// Its place in the table.
    pub(crate) number: usize,
}

/// How a provider words a refusal.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    /// The reason, as the journal of the rehearsal server names it.
    pub(crate) reason: &'static str,
    pub(crate) error: &'static str,
    pub(crate) description: &'static str,
}

/// A diagnosis, as the API shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) cause: Cause,
    pub(crate) certainty: Certainty,
    pub(crate) alternatives: Vec<Cause>,
    pub(crate) evidence: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// Not decided, and the truth is among the candidates.
    Open,
    Wrong,
}

impl Row {
    pub(crate) fn new(cause: Cause, played: &'static str, scene: Scene) -> Self {
        Self {
            cause,
            played,
            words: None,
            decidable: false,
            provider: "",
            asks_for_offline: true,
            registered: |client| client,
            scene,
            number: 0,
        }
    }

    /// Our own records decide it, whatever the provider says.
    pub(crate) fn decidable(self) -> Self {
        Self { decidable: true, ..self }
    }

    /// The provider says which one it is, so nothing but the right answer will do.
    pub(crate) fn worded(self, reason: &'static str, error: &'static str, description: &'static str) -> Self {
        Self { words: Some(Words { reason, error, description }), decidable: true, ..self }
    }

    /// What the catalogue knows of the provider.
    pub(crate) fn knowing(self, provider: &'static str) -> Self {
        Self { provider, ..self }
    }

    /// Nobody knows how to ask this provider for a refresh token.
    pub(crate) fn without_offline_access(self) -> Self {
        Self { asks_for_offline: false, ..self }
    }

    pub(crate) fn registered(self, registered: fn(ClientSettings) -> ClientSettings) -> Self {
        Self { registered, ..self }
    }

    /// Names its provider, its clients and its user.
    pub(crate) fn id(&self) -> String {
        format!("row-{}", self.number)
    }
}

impl Said {
    #[track_caller]
    pub(crate) fn read(diagnosis: &Value) -> Self {
        let read = |name: &str| {
            let field = diagnosis.get(name).unwrap_or_else(|| panic!("no {name}: {diagnosis:#}"));
            field.clone()
        };
        Self {
            cause: serde_json::from_value(read("cause")).unwrap(),
            certainty: serde_json::from_value(read("certainty")).unwrap(),
            alternatives: serde_json::from_value(read("alternatives")).unwrap(),
            evidence: serde_json::from_value(read("evidence")).unwrap(),
        }
    }

    /// Naming one cause as merely possible decides nothing either: then the others that are named count as well.
    pub(crate) fn judged(&self, truth: Cause) -> Verdict {
        let open = self.cause == Cause::Undetermined || self.certainty == Certainty::Possible;
        match () {
            () if self.cause == truth => Verdict::Right,
            () if open && self.alternatives.contains(&truth) => Verdict::Open,
            () => Verdict::Wrong,
        }
    }
}
