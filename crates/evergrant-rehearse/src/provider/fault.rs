//! Faults: what goes wrong on demand, ordered against the change of state.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Endpoint, GrantType, Response};

/// The number of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub u64);

/// What shall go wrong, where, when and how often.
///
/// ```
/// # use evergrant_rehearse::{Action, Endpoint, Fault, GrantType};
/// // The next refresh rotates the token, but its answer never arrives.
/// let lost = Fault::after_commit(Action::Drop).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
/// assert_eq!(serde_json::to_value(&lost)?["when"], "after_commit");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Before or after the request has changed anything.
    pub when: When,
    /// Only requests of this endpoint; none: of all but the administration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Only token requests with this grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<GrantType>,
    /// Only requests that name this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// How many requests it strikes; in JSON 1 if left out, and `null` for all.
    #[serde(default = "once")]
    pub count: Option<u32>,
    /// What goes wrong.
    pub action: Action,
}

/// On which side of the change of state a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Nothing has changed: a request that failed here can be repeated without harm.
    Before,
    /// Everything has changed, and the client does not learn it: codes are redeemed, tokens rotated.
    AfterCommit,
}

/// What goes wrong. In JSON `"drop"`, `"hold"`, `"late"`, `"repeat"`, or an object of one member such as `{"delay": {"ms": 500}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Another answer: an error, HTML, garbage.
    Respond {
        /// 200 to 599.
        status: u16,
        /// For instance `retry-after`.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// As it is sent.
        #[serde(default)]
        body: String,
    },
    /// The connection is closed without an answer.
    Drop,
    /// The answer announces its full length, and the connection is closed after so many bytes of the body.
    /// Only after the commit: before it there is no answer.
    Truncate {
        /// Bytes of the body that are sent.
        bytes: usize,
    },
    /// It takes longer. Real time, also when the provider's clock stands still.
    Delay {
        /// Milliseconds, at most an hour.
        ms: u64,
    },
    /// It waits until it is released; the fault shows how many are waiting.
    Hold,
    /// The connection is closed without an answer, and the request arrives when it is released, as one that the network
    /// has kept. Only before the commit.
    Late,
    /// The same request arrives once more, as through a proxy that repeats what it has sent already, and the client gets
    /// the answer to the second one. Only after the commit.
    Repeat,
}

/// Why a fault was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFault {
    /// There is no answer yet.
    #[error(
        "`truncate` needs `\"when\": \"after_commit\"`: before the change there is no answer to cut short"
    )]
    NothingToTruncate,
    /// It has not arrived once yet.
    #[error("`repeat` needs `\"when\": \"after_commit\"`: before the change there is nothing to repeat")]
    NothingToRepeat,
    /// It has arrived already.
    #[error("`late` needs `\"when\": \"before\"`: after the change the request has arrived")]
    NotLate,
    /// The status is none that ends a request.
    #[error("the status {0} is not between 200 and 599")]
    Status(u16),
    /// It would break the framing of the answer, which is the business of `truncate` and `drop`.
    #[error("the header `{0}` is not a name and value that can be sent here")]
    Header(String),
    /// More than an hour.
    #[error("a delay is at most 3600000 ms: to wait for longer use `hold`")]
    TooLong,
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the type of the field")]
fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// A fault that strikes the next request before anything changes.
    pub fn before(action: Action) -> Self {
        Self::new(When::Before, action)
    }

    /// A fault that strikes the next request after everything has changed.
    pub fn after_commit(action: Action) -> Self {
        Self::new(When::AfterCommit, action)
    }

    fn new(when: When, action: Action) -> Self {
        Self { when, endpoint: None, grant_type: None, client_id: None, count: once(), action }
    }

    /// Only at this endpoint.
    #[must_use]
    pub fn at(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// Only token requests with this grant.
    #[must_use]
    pub fn of_grant(mut self, grant_type: GrantType) -> Self {
        self.grant_type = Some(grant_type);
        self
    }

    /// Only requests of this client.
    #[must_use]
    pub fn of_client(mut self, client_id: &str) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// So many requests.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// Every request, until the fault is removed.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.count = None;
        self
    }

    fn check(&self) -> Result<(), InvalidFault> {
        match &self.action {
            Action::Truncate { .. } if self.when == When::Before => Err(InvalidFault::NothingToTruncate),
            Action::Late if self.when == When::AfterCommit => Err(InvalidFault::NotLate),
            Action::Repeat if self.when == When::Before => Err(InvalidFault::NothingToRepeat),
            Action::Respond { status, .. } if !(200..=599).contains(status) => {
                Err(InvalidFault::Status(*status))
            }
            Action::Respond { headers, .. } => headers.iter().try_for_each(|(name, value)| {
                if is_sendable(name, value) { Ok(()) } else { Err(InvalidFault::Header(name.clone())) }
            }),
            Action::Delay { ms } if *ms > 3_600_000 => Err(InvalidFault::TooLong),
            _ => Ok(()),
        }
    }

    fn strikes(&self, target: &Target) -> bool {
        let endpoint = self.endpoint.is_none_or(|endpoint| endpoint == target.endpoint);
        let grant_type = self.grant_type.is_none() || self.grant_type == target.grant_type;
        let client = self.client_id.is_none() || self.client_id == target.client_id;
        endpoint && grant_type && client
    }
}

impl Action {
    /// Another answer with nothing but a status, such as 503.
    pub fn status(status: u16) -> Self {
        Self::Respond { status, headers: BTreeMap::new(), body: String::new() }
    }

    /// Another answer with a status and a body.
    pub fn respond(status: u16, body: &str) -> Self {
        Self::Respond { status, headers: BTreeMap::new(), body: body.into() }
    }

    /// The answer that this action gives instead of the true one, if it does.
    pub(super) fn response(&self) -> Option<Response> {
        let Self::Respond { status, headers, body } = self else { return None };
        let headers = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        Some(Response { status: *status, headers: headers.collect(), body: body.clone().into_bytes() })
    }
}

/// RFC 9110 5.1 and 5.5; the headers that frame the message are not for faults to set.
fn is_sendable(name: &str, value: &str) -> bool {
    let framing = ["content-length", "transfer-encoding", "connection"];
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty()
        && name.bytes().all(token)
        && value.bytes().all(|byte| byte == b'\t' || (0x20..0x7f).contains(&byte))
        && !framing.contains(&name.to_ascii_lowercase().as_str())
}

/// What a request is aimed at, as far as faults distinguish it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) endpoint: Endpoint,
    pub(super) grant_type: Option<GrantType>,
    pub(super) client_id: Option<String>,
}

/// A fault and what it has done so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultStatus {
    /// Its number.
    pub id: FaultId,
    /// What it does.
    #[serde(flatten)]
    pub fault: Fault,
    /// How many requests it has struck.
    pub struck: u32,
    /// How many requests it is holding now, late ones among them.
    pub held: usize,
}

/// The faults that were added and not removed.
#[derive(Debug, Default)]
pub(super) struct Faults {
    present: BTreeMap<FaultId, FaultStatus>,
    last: u64,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) -> Result<FaultId, InvalidFault> {
        fault.check()?;
        self.last += 1;
        let id = FaultId(self.last);
        self.present.insert(id, FaultStatus { id, fault, struck: 0, held: 0 });
        Ok(id)
    }

    /// The next fault that strikes a request, after the ones that already have.
    pub(super) fn strike(
        &mut self,
        when: When,
        target: &Target,
        after: Option<FaultId>,
    ) -> Option<(FaultId, Action)> {
        let status = self.present.values_mut().find(|status| {
            let fault = &status.fault;
            let left = fault.count.is_none_or(|count| status.struck < count);
            fault.when == when && left && after < Some(status.id) && fault.strikes(target)
        })?;
        status.struck = status.struck.saturating_add(1);
        Some((status.id, status.fault.action.clone()))
    }

    /// Counts a request that begins or ends to wait for a release.
    pub(super) fn count_held(&mut self, id: FaultId, held: usize) {
        if let Some(status) = self.present.get_mut(&id) {
            status.held = held;
        }
    }

    pub(super) fn status(&self, id: FaultId) -> Option<&FaultStatus> {
        self.present.get(&id)
    }

    pub(super) fn list(&self) -> impl Iterator<Item = &FaultStatus> {
        self.present.values()
    }

    pub(super) fn remove(&mut self, id: FaultId) -> bool {
        self.present.remove(&id).is_some()
    }
}

/// How long a delay lasts.
pub(super) fn delay(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_written_in_json_as_people_would_write_it() {
        let read = |text: &str| serde_json::from_str::<Fault>(text).unwrap();
        let dropped = read(r#"{"when":"after_commit","endpoint":"token","action":"drop"}"#);
        assert_eq!(dropped, Fault::after_commit(Action::Drop).at(Endpoint::Token));
        let slow = read(r#"{"when":"before","count":null,"action":{"delay":{"ms":5}}}"#);
        assert_eq!(slow, Fault::before(Action::Delay { ms: 5 }).always());
        let down = read(r#"{"when":"before","action":{"respond":{"status":503}}}"#);
        assert_eq!(down, Fault::before(Action::status(503)));
    }

    #[test]
    fn a_fault_that_means_nothing_is_refused() {
        let mut faults = Faults::default();
        let refused = faults.add(Fault::before(Action::Truncate { bytes: 5 }));
        assert_eq!(refused, Err(InvalidFault::NothingToTruncate));
        assert_eq!(faults.add(Fault::before(Action::status(100))), Err(InvalidFault::Status(100)));
        let refused = faults.add(Fault::before(Action::Repeat));
        assert_eq!(refused, Err(InvalidFault::NothingToRepeat));
        assert_eq!(faults.add(Fault::after_commit(Action::Late)), Err(InvalidFault::NotLate));
        let headers = BTreeMap::from([("content-length".into(), "9".into())]);
        let framing = Action::Respond { status: 200, headers, body: String::new() };
        assert!(matches!(faults.add(Fault::before(framing)), Err(InvalidFault::Header(_))));
    }
}
