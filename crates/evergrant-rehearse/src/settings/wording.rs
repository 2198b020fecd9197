//! The words of a refusal.

use serde::{Deserialize, Serialize};

/// How a provider words a refusal. The status stays the one of the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// The `error` code; none: the one that the standards have for the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The `error_description`.
    pub description: String,
}
