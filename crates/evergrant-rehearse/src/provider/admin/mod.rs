//! The administration over HTTP: what a test does to the provider, and what it reads about it.
//!
//! Changes and lists in JSON under `/admin`. The clock is not here: the carrier has it.

mod clients;
mod faults;
mod grants;
mod journal;
mod users;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Endpoint, JournalEntry, Method, Outcome, Provider, Request, Response, Revocation, Timestamp,
    fault::InvalidFault,
    parameters::{Parameters, decode},
    registry::ChangeError,
};

/// Why an administrator's request was refused: status and one sentence.
#[derive(Debug)]
struct Refused(u16, String);

impl From<ChangeError> for Refused {
    fn from(error: ChangeError) -> Self {
        let status = match &error {
            ChangeError::NotFound { .. } => 404,
            ChangeError::Exists { .. } => 409,
            ChangeError::Renamed(_) | ChangeError::Invalid(_) => 400,
        };
        Self(status, error.to_string())
    }
}

impl From<InvalidFault> for Refused {
    fn from(error: InvalidFault) -> Self {
        Self(400, error.to_string())
    }
}

impl Provider {
    /// Answers under `/admin`. The carrier has checked with [`Self::guard_administration`] that no web page asks.
    pub(super) fn administer(&mut self, request: &Request, now: Timestamp) -> Response {
        if let Err(refusal) = self.guard_administration(request) {
            return refusal;
        }
        match self.route(request, now) {
            Ok(response) => response,
            Err(Refused(status, sentence)) => {
                Response::json(status, &json!({ "error": sentence, "see": "GET /admin" }))
            }
        }
    }

    /// Refuses what a browser sends for a foreign page: any request with an `Origin`, or addressed to a name that
    /// is not ours (DNS rebinding).
    pub fn guard_administration(&self, request: &Request) -> Result<(), Response> {
        let from_page = request.header("origin").is_some()
            || request.header("sec-fetch-site").is_some_and(|site| !matches!(site, "none" | "same-origin"));
        let host = request.header("host").unwrap_or_default();
        match (from_page, self.is_own_host(host)) {
            (false, true) => Ok(()),
            (true, _) => Err(forbidden("the administration does not answer web pages")),
            (false, false) => {
                Err(forbidden("the administration answers only under its own address: check the Host header"))
            }
        }
    }

    fn is_own_host(&self, host: &str) -> bool {
        let issuer = self.issuer.split_once("://").map_or("", |(_, authority)| authority);
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let loopback = name.eq_ignore_ascii_case("localhost")
            || name == "[::1]"
            || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        loopback || host.eq_ignore_ascii_case(issuer)
    }

    fn route(&mut self, request: &Request, now: Timestamp) -> Result<Response, Refused> {
        let path = request.path.trim_start_matches("/admin").trim_matches('/');
        let decoded: Result<Vec<String>, _> = path.split('/').map(|part| decode(part.as_bytes())).collect();
        let parts = decoded.map_err(|error| Refused(400, error.to_string()))?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (parts.as_slice(), request.method) {
            ([""], Method::Get) => Ok(Response::json(200, &index())),
            (["clients", rest @ ..], _) => self.administer_clients(rest, request, now),
            (["users", rest @ ..], _) => self.administer_users(rest, request, now),
            (["grants", rest @ ..], _) => self.administer_grants(rest, request, now),
            (["faults", rest @ ..], _) => self.administer_faults(rest, request),
            (["journal"], Method::Get) => self.read_journal(request),
            _ => Err(no_such_route()),
        }
    }

    /// A change is in the journal, with what it ended.
    fn note_change(&mut self, request: &Request, now: Timestamp, revoked: Vec<Revocation>) {
        let mut entry = JournalEntry::draft(Endpoint::Admin, request.method, now);
        entry.status = 200;
        entry.outcome = Outcome::Done;
        entry.revoked = revoked;
        self.journal.record(entry);
    }
}

fn forbidden(sentence: &str) -> Response {
    Response::json(403, &json!({ "error": sentence }))
}

fn no_such_route() -> Refused {
    Refused(404, "there is no such administration route, or not with this method".into())
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refused> {
    let text = if request.body.is_empty() { b"{}" } else { request.body.as_slice() };
    serde_json::from_slice(text).map_err(|error| Refused(400, format!("the body cannot be read: {error}")))
}

fn query(request: &Request) -> Result<Parameters, Refused> {
    Parameters::parse(request.query.as_bytes()).map_err(|error| Refused(400, error.to_string()))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Refused> {
    text.parse().map_err(|_| Refused(400, format!("`{}` is not a number", text.escape_debug())))
}

fn changed() -> Response {
    Response::json(200, &json!({ "ok": true }))
}

fn ended(revoked: &[Revocation]) -> Response {
    Response::json(200, &json!({ "revoked": revoked }))
}

/// RFC 7396: members of the patch replace, `null` removes.
fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                match value {
                    Value::Null => drop(target.remove(&name)),
                    value => merge(target.entry(name).or_insert(Value::Null), value),
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

fn index() -> Value {
    json!({
        "GET /admin/clock": "the provider's time and mode",
        "POST /admin/clock": "{\"advance_s\":60} or {\"advance_ms\":1} or {\"set_ms\":1800000000000}",
        "GET|POST /admin/clients": "list; register (a client of the settings file, in JSON)",
        "PATCH|DELETE /admin/clients/{client_id}": "change some members; delete with all grants",
        "POST /admin/clients/{client_id}/disable": "{\"tenant\":\"acme\"}: for one tenant; {} for all",
        "POST /admin/clients/{client_id}/enable": "the same",
        "GET|POST /admin/users": "list; add",
        "PATCH|DELETE /admin/users/{username}": "change some members ({\"enabled\":false}); delete with all grants",
        "POST /admin/users/{username}/change-password": "ends the grants that do not survive it",
        "POST /admin/users/{username}/end-session": "ends the grants: the sign-in they rest on is over",
        "POST /admin/users/{username}/suspect": "ends the grants: the provider takes something for an attack",
        "POST /admin/users/{username}/revoke-consent": "{\"client_id\":\"shop\"} or {} for all clients",
        "GET /admin/grants": "families with their refresh tokens' fingerprints",
        "POST /admin/grants/{family}/revoke": "ends a family",
        "GET|POST|DELETE /admin/faults": "list; add {\"when\":\"after_commit\",\"endpoint\":\"token\",\"action\":\"drop\"}; clear",
        "GET|DELETE /admin/faults/{id}": "?wait_held=N waits until N requests are held; remove",
        "POST /admin/faults/{id}/release": "{} or {\"count\":1}: lets held requests go",
        "GET /admin/journal": "?after=seq&endpoint=token",
    })
}
