//! What happened, request by request. In a test the journal is the judge.

use std::{collections::VecDeque, fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{Fingerprint, Method, Reason, RevocationCause, Timestamp, fault::FaultId, grant::FamilyId};

/// One request, or one change made through the administration. Holds no token, code or secret, and no text
/// that the sender chose: what is unknown to the provider is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    /// Grows by one with every entry, from 1.
    pub seq: u64,
    /// The provider's clock, in milliseconds since 1970.
    pub at_ms: Timestamp,
    /// Where.
    pub endpoint: Endpoint,
    /// GET, POST.
    #[serde(serialize_with = "method_name")]
    pub method: Method,
    /// The `grant_type`, if it is one that is served.
    pub grant_type: Option<GrantType>,
    /// Where the request came from, if it came over a connection.
    pub peer: Option<IpAddr>,
    /// From how many addresses tokens of this family were used so far, if one was used now. More than one: somebody else
    /// holds it, too, or one program has several ways out.
    pub addresses: Option<usize>,
    /// The client, if it is registered (also when its authentication failed).
    pub client_id: Option<String>,
    /// The user concerned.
    pub username: Option<String>,
    /// The answer's status; 0 if the connection was dropped before anything was processed.
    pub status: u16,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// The family (grant) concerned.
    pub family: Option<FamilyId>,
    /// The generation of the presented refresh token within its family: 1 for the first.
    pub generation: Option<u32>,
    /// The presented refresh token, code, device code or access token.
    pub presented: Option<Fingerprint>,
    /// How often the presented refresh token had been presented before.
    pub presented_before: Option<u32>,
    /// The refresh token in the answer.
    pub issued: Option<Fingerprint>,
    /// The generation of the refresh token in the answer.
    pub issued_generation: Option<u32>,
    /// What the request ended.
    pub revoked: Vec<Revocation>,
    /// The faults that were applied, in their order.
    pub faults: Vec<FaultId>,
    /// The request was processed, but a fault kept the true answer from the client.
    pub response_lost: bool,
}

/// What a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// The family that ended.
    pub family: FamilyId,
    /// Why.
    pub cause: RevocationCause,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what was asked.
    Done,
    /// It was refused: `reason` says why.
    Refused,
    /// A fault ended it before anything changed.
    Failed,
}

/// The endpoints. In JSON in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// RFC 8414 and OpenID Connect metadata.
    Discovery,
    /// The keys of ID tokens.
    Jwks,
    /// The authorization endpoint and its login form.
    Authorize,
    /// The token endpoint.
    Token,
    /// RFC 8628 3.1.
    DeviceAuthorization,
    /// The page where a device's code is entered.
    Device,
    /// RFC 7009.
    Revoke,
    /// RFC 7662.
    Introspect,
    /// OpenID Connect Core 5.3.
    Userinfo,
    /// The small resource server under `/resource`.
    Resource,
    /// The administration; only its changes are in the journal.
    Admin,
    /// Any other path.
    Unknown,
}

/// The grants the token endpoint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GrantType {
    /// RFC 6749 4.1.3.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// RFC 6749 6.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// RFC 6749 4.4.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// RFC 8628 3.4.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
}

impl GrantType {
    /// All of them, with their names on the wire.
    pub(super) const ALL: [(&'static str, Self); 4] = [
        ("authorization_code", Self::AuthorizationCode),
        ("refresh_token", Self::RefreshToken),
        ("client_credentials", Self::ClientCredentials),
        ("urn:ietf:params:oauth:grant-type:device_code", Self::DeviceCode),
    ];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, grant_type)| grant_type)
    }
}

impl Endpoint {
    /// Which endpoint serves a path.
    pub fn of(path: &str) -> Self {
        match path {
            "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration" => {
                Self::Discovery
            }
            "/jwks" => Self::Jwks,
            "/authorize" | "/authorize/login" => Self::Authorize,
            "/token" => Self::Token,
            "/device_authorization" => Self::DeviceAuthorization,
            "/device" => Self::Device,
            "/revoke" => Self::Revoke,
            "/introspect" => Self::Introspect,
            "/userinfo" => Self::Userinfo,
            "/resource" => Self::Resource,
            "/admin" => Self::Admin,
            other if other.starts_with("/resource/") => Self::Resource,
            other if other.starts_with("/admin/") => Self::Admin,
            _ => Self::Unknown,
        }
    }
}

impl JournalEntry {
    /// An entry about nothing yet; it gets its number when it is recorded.
    pub(super) fn draft(endpoint: Endpoint, method: Method, now: Timestamp) -> Self {
        Self {
            seq: 0,
            at_ms: now,
            endpoint,
            method,
            grant_type: None,
            peer: None,
            addresses: None,
            client_id: None,
            username: None,
            status: 0,
            outcome: Outcome::Done,
            reason: None,
            family: None,
            generation: None,
            presented: None,
            presented_before: None,
            issued: None,
            issued_generation: None,
            revoked: Vec::new(),
            faults: Vec::new(),
            response_lost: false,
        }
    }

    /// Whether a token of the grant was used: asking about it or giving it up is no use of it.
    pub(super) fn uses_a_token(&self) -> bool {
        let spends = matches!(self.endpoint, Endpoint::Token | Endpoint::Userinfo | Endpoint::Resource);
        spends && self.grant_type.is_none_or(|grant_type| grant_type == GrantType::RefreshToken)
    }

    pub(super) fn refuse(&mut self, reason: Reason) {
        self.outcome = Outcome::Refused;
        self.reason = Some(reason);
    }
}

/// The newest entries, at most as many as its capacity.
#[derive(Debug)]
pub(super) struct Journal {
    entries: VecDeque<JournalEntry>,
    capacity: usize,
    last: u64,
}

impl Journal {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), capacity: capacity.max(1), last: 0 }
    }

    /// Numbers and keeps an entry; forgets the oldest one if there are too many.
    pub(super) fn record(&mut self, mut entry: JournalEntry) -> u64 {
        self.last += 1;
        entry.seq = self.last;
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.last
    }

    /// An entry that is still kept.
    pub(super) fn entry_mut(&mut self, seq: u64) -> Option<&mut JournalEntry> {
        let first = self.entries.front()?.seq;
        self.entries.get_mut(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = &JournalEntry> {
        self.entries.iter()
    }

    /// The number of the newest entry; 0 if there was none.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// How many entries were forgotten.
    pub(super) fn forgotten(&self) -> u64 {
        self.last - self.entries.len() as u64
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn method_name<S: serde::Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(method)
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Other => "OTHER",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_journal_forgets_the_oldest_and_counts_what_it_forgot() {
        let mut journal = Journal::with_capacity(2);
        for _ in 0..3 {
            journal.record(JournalEntry::draft(Endpoint::Token, Method::Post, Timestamp(0)));
        }
        assert_eq!(journal.entries().map(|entry| entry.seq).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(journal.forgotten(), 1);
        assert!(journal.entry_mut(1).is_none());
        assert_eq!(journal.entry_mut(3).unwrap().seq, 3);
    }
}
