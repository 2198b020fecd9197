//! All that is known of one authorization.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    diagnosis::Diagnosis,
    grant::Owner,
    name::{AttemptId, AuthorizationId, ClientName, GrantId, HolderId, Namespace},
    scope::ScopeSet,
    secret::{AuthorizationState, CodeVerifier},
    time::Timestamp,
    wire::redirect_uri::RedirectUri,
};

/// How long a link can be used: long enough for a sign-in with a second factor, too short to lie around in a mailbox.
pub const LINK_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Why a link has failed that nobody followed: see [`AuthorizationStatus::Failed`].
pub const SUPERSEDED: &str = "a newer link was made";

/// One authorization. Fields that serde skips are kept sealed by the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRecord {
    /// Names it in URLs; not secret.
    pub id: AuthorizationId,
    /// The tenant boundary it belongs to.
    pub namespace: Namespace,
    /// The client that asks.
    pub client: ClientName,
    /// The grant to repair; `None` makes a new one.
    pub grant: Option<GrantId>,
    /// Make a new grant even if this account has one with this client.
    pub always_new: bool,
    /// The grant it led to.
    pub result: Option<GrantId>,
    /// Subject-less facts of the grant to come: the caller's id and labels.
    pub owner: Owner,
    /// The scope asked for.
    pub scopes: ScopeSet,
    /// Resource indicators (RFC 8707).
    pub resources: Vec<String>,
    /// The redirect URI sent, which the exchange repeats exactly (RFC 6749 4.1.3).
    pub redirect_uri: RedirectUri,
    /// Whereto the user is returned at the end.
    pub return_url: Option<String>,
    /// Who should sign in, as the provider's page may be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// Where it stands.
    pub status: AuthorizationStatus,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When the link ends.
    pub expires_at: Timestamp,
    /// Finds it when the callback comes.
    #[serde(skip)]
    pub state: Option<AuthorizationState>,
    /// The PKCE verifier.
    #[serde(skip)]
    pub verifier: Option<CodeVerifier>,
}

/// Where an authorization stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum AuthorizationStatus {
    /// The link has not been used.
    Open,
    /// The callback came; its code is being, or was, exchanged. A code is never sent twice. Or a device polls: each poll may
    /// bring the tokens.
    Exchanging(Exchange),
    /// The grant is connected.
    Connected,
    /// The account was not the one that the grant belongs to; nothing in the grant changed.
    WrongAccount,
    /// It ended without a grant.
    Failed {
        /// Why, in one plain sentence, masked.
        reason: String,
        /// What it means, where the provider's answer tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diagnosis: Option<Box<Diagnosis>>,
    },
}

/// The journal entry of a code exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Names it across retries of its commit and in the lifeboat.
    pub attempt: AttemptId,
    /// The process that makes it.
    pub holder: HolderId,
    /// When it was journalled.
    pub journalled_at: Timestamp,
}
