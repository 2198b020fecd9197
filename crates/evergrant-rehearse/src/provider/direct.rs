//! A grant without a flow, for tests that are about what comes after it.

use std::fmt;

use super::{
    Call, ChangeError, Endpoint, Entropy, FamilyId, JournalEntry, Method, Provider, Request, Timestamp,
    issue::{Authorization, Issue},
};
use crate::settings::{ClientSettings, RefreshTokens};

/// The tokens of a grant that was given without a flow. Masked in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedGrant {
    /// The family, as the journal names it.
    pub family: FamilyId,
    /// The access token, in clear.
    pub access_token: String,
    /// The refresh token, in clear.
    pub refresh_token: String,
}

impl fmt::Debug for IssuedGrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IssuedGrant").field("family", &self.family).finish_non_exhaustive()
    }
}

impl Provider {
    /// Gives a client a grant of a user, always with a refresh token. It is in the journal as a change of the
    /// administrator's.
    pub fn issue_grant(
        &mut self,
        client_id: &str,
        username: &str,
        scope: &str,
        now: Timestamp,
        entropy: Entropy<'_>,
    ) -> Result<IssuedGrant, ChangeError> {
        let client =
            self.clients.find(client_id).ok_or_else(|| ChangeError::not_found("client", client_id))?;
        let client = ClientSettings { refresh_tokens: RefreshTokens::Always, ..(*client.settings).clone() };
        self.users.find(username).ok_or_else(|| ChangeError::not_found("user", username))?;
        let scope: Vec<String> = scope.split_whitespace().map(String::from).collect();
        let authorization =
            Authorization { username: username.into(), scope, resources: Vec::new(), authenticated: now };
        let request = Request::new(Method::Post, "/admin/grants");
        let entry = JournalEntry::draft(Endpoint::Admin, Method::Post, now);
        Ok(self.give(Call { request: &request, now, entropy, entry }, &client, authorization))
    }

    fn give(&mut self, mut call: Call<'_>, client: &ClientSettings, given: Authorization) -> IssuedGrant {
        let scope = given.scope.clone();
        let (family, refresh_token) = self.start_family(&mut call, client, given);
        let issue =
            Issue { client, family: Some(family), scope, resources: Vec::new(), refresh_token, nonce: None };
        let response = self.issue(&mut call, &issue);
        call.entry.client_id = Some(client.client_id.clone());
        call.entry.status = response.status;
        self.journal.record(call.entry);
        let body = response.to_json().unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        IssuedGrant { family, access_token: text("access_token"), refresh_token: text("refresh_token") }
    }
}
