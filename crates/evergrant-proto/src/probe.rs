//! Asking whether a grant lives without spending anything: introspection of its refresh token (RFC 7662), or userinfo
//! with its access token. A refresh would tell, too, and is never used for it.

use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    client::ClientRecord,
    diagnosis::{Cause, Certainty, Diagnosis, History, MAX_ALTERNATIVES, diagnose},
    failure::{Failure, Report, Stage, reported},
    grant::{AccessEntry, AccessKey, Degradation, GrantRecord, GrantState},
    provider::RotationKind,
    time::Timestamp,
    wire::{
        error_response::{ErrorCode, ErrorResponse},
        http::{HttpRequest, HttpResponse, Method, TransportFailure},
        introspection::{ActiveToken, Introspection, introspection_request},
    },
};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// RFC 7662 about the refresh token.
    Introspection,
    /// OpenID Connect Core 5.3 with the access token.
    Userinfo,
}

/// What an answer tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What was asked.
    pub probe: Probe,
    /// Whether the token lives; `None`: the answer does not tell.
    pub alive: Option<bool>,
    /// Plain sentences, the telling one first; no secrets.
    pub evidence: Vec<String>,
}

impl Probe {
    /// The request, if this grant and its provider have what it takes.
    pub fn request(self, grant: &GrantRecord, client: &ClientRecord, now: Timestamp) -> Option<HttpRequest> {
        match self {
            Self::Introspection => {
                let url = client.endpoints.introspection.as_ref()?;
                let credential = grant.credential.as_ref()?;
                Some(introspection_request(url, &client.credentials(), &credential.refresh_token))
            }
            Self::Userinfo => {
                let url = client.endpoints.userinfo.as_ref()?;
                let entry = grant.access_for(&AccessKey::default())?;
                let over = entry.rejected || entry.usable_until().is_some_and(|end| end <= now);
                (!over).then(|| userinfo_request(url, entry))
            }
        }
    }

    /// Reads what came back.
    pub fn read(
        self,
        answer: &Result<HttpResponse, TransportFailure>,
        grant: &GrantRecord,
        client: &ClientRecord,
    ) -> Told {
        let (alive, evidence) = match (self, answer) {
            (_, Err(failure)) => {
                let asked = match self {
                    Self::Introspection => "introspection",
                    Self::Userinfo => "userinfo",
                };
                (None, vec![format!("No answer to {asked}: {}.", failure.detail)])
            }
            (Self::Introspection, Ok(response)) => introspected(response, grant, client),
            (Self::Userinfo, Ok(response)) => userinfo(response),
        };
        Told { probe: self, alive, evidence }
    }
}

fn userinfo_request(url: &Url, entry: &AccessEntry) -> HttpRequest {
    let authorization = Zeroizing::new(format!("Bearer {}", entry.token.expose()));
    HttpRequest {
        method: Method::Get,
        url: url.clone(),
        headers: vec![
            ("authorization".into(), authorization),
            ("accept".into(), Zeroizing::new("application/json".to_owned())),
        ],
        body: Zeroizing::new(Vec::new()),
    }
}

fn introspected(
    response: &HttpResponse,
    grant: &GrantRecord,
    client: &ClientRecord,
) -> (Option<bool>, Vec<String>) {
    match Introspection::read(response) {
        Introspection::Active(token) => {
            let mut evidence = vec!["Introspection says that the refresh token is active.".to_owned()];
            evidence.extend(oddities(&token, grant, client));
            (Some(true), evidence)
        }
        Introspection::Inactive => {
            let said = "Introspection says that the refresh token is not active.";
            // RFC 7662 2.2 does not tell these apart.
            let doubt = "A provider says the same of a token that this client may not ask about.";
            (Some(false), vec![said.to_owned(), doubt.to_owned()])
        }
        Introspection::Unknown => {
            let said = format!(
                "Introspection was answered with HTTP {} and says nothing about the token.",
                response.status
            );
            (None, vec![said])
        }
    }
}

/// What a live token has that it should not have.
fn oddities(token: &ActiveToken, grant: &GrantRecord, client: &ClientRecord) -> Vec<String> {
    let mut odd = Vec::new();
    if let Some(end) = token.expires_at {
        odd.push(format!("It ends at {end} unless it is replaced before."));
    }
    if token.client_id.as_ref().is_some_and(|id| id != client.identifier.as_str()) {
        odd.push("It was issued to another client than this one.".to_owned());
    }
    if let (Some(theirs), Some(ours)) = (&token.subject, &grant.owner.subject)
        && theirs != ours
    {
        odd.push("It belongs to another account than the grant.".to_owned());
    }
    if let Some(scopes) = token.scopes.as_ref().filter(|scopes| !grant.granted.is_subset(scopes)) {
        let lost: Vec<_> = grant.granted.iter().filter(|scope| !scopes.contains(scope)).collect();
        let lost: Vec<_> = lost.iter().map(|scope| scope.as_str()).collect();
        odd.push(format!("It has lost scopes that were granted: {}.", lost.join(" ")));
    }
    odd
}

fn userinfo(response: &HttpResponse) -> (Option<bool>, Vec<String>) {
    match response.status {
        200..=299 => {
            let said = "The provider's userinfo endpoint takes the access token.";
            (Some(true), vec![said.to_owned(), "That says nothing of the refresh token.".to_owned()])
        }
        401 => (Some(false), vec!["The provider's userinfo endpoint rejects the access token.".to_owned()]),
        status => (None, vec![format!("The userinfo endpoint answered HTTP {status}, which tells nothing.")]),
    }
}

/// The diagnosis of the grant with what was told: the one on record with more evidence; or, of a grant that seemed well,
/// what a refusal would be put down to. `None`: nothing is wrong as far as anybody knows.
pub fn diagnosis(
    grant: &GrantRecord,
    client: &ClientRecord,
    told: &[Told],
    now: Timestamp,
) -> Option<Diagnosis> {
    let alive = verdict(told);
    let mut diagnosis = match (grant.state.diagnosis(), alive) {
        (Some(known), _) => known.clone(),
        (None, Some(false)) => supposed(grant, client, told, now),
        (None, _) => return None,
    };
    let on_record = grant.state.diagnosis().is_some();
    if on_record {
        diagnosis.evidence.extend(told.iter().flat_map(|told| told.evidence.iter().cloned()));
        weigh(&mut diagnosis, grant, told);
    }
    Some(diagnosis)
}

/// What the probes say together: the refresh token's answer before the access token's.
pub fn verdict(told: &[Told]) -> Option<bool> {
    let of = |probe| told.iter().filter(move |told| told.probe == probe).find_map(|told| told.alive);
    of(Probe::Introspection).or_else(|| of(Probe::Userinfo))
}

/// What introspection of a refresh token adds to what was known.
fn weigh(diagnosis: &mut Diagnosis, grant: &GrantRecord, told: &[Told]) {
    let introspected = told.iter().find(|told| told.probe == Probe::Introspection);
    let in_doubt = matches!(grant.state, GrantState::Degraded { reason: Degradation::OutcomeUnknown, .. });
    match introspected.and_then(|told| told.alive) {
        Some(true) if in_doubt => diagnosis
            .evidence
            .push("So the request whose answer was lost has not spent the refresh token.".to_owned()),
        Some(false) if in_doubt => {
            let first = diagnosis.cause;
            diagnosis.evidence.push(
                "So the request whose answer was lost was processed: its answer had the only refresh token."
                    .to_owned(),
            );
            *diagnosis = Diagnosis {
                cause: Cause::LostRotationNotPersisted,
                certainty: Certainty::Likely,
                ..diagnosis.clone()
            };
            diagnosis.alternatives.retain(|cause| *cause != Cause::LostRotationNotPersisted);
            if first != Cause::LostRotationNotPersisted {
                diagnosis.alternatives.insert(0, first);
            }
        }
        Some(true) if matches!(grant.state, GrantState::NeedsReauthorization { .. }) => {
            diagnosis.certainty = Certainty::Possible;
            diagnosis.evidence.push(
                "The provider refused this refresh token before: what it says of it now and what it did do not \
                 agree."
                    .to_owned(),
            );
        }
        _ => {}
    }
}

/// Nobody has refused anything yet: what a refusal would be put down to now.
fn supposed(grant: &GrantRecord, client: &ClientRecord, told: &[Told], now: Timestamp) -> Diagnosis {
    let refusal = ErrorResponse::of_code(Some(ErrorCode::InvalidGrant));
    let failure = reported(&Report {
        stage: Stage::RefreshToken,
        status: None,
        headers: &[],
        error: Some(&refusal),
        dialect: &client.provider.dialect,
    });
    let summary = told
        .iter()
        .find(|told| told.alive == Some(false))
        .and_then(|told| told.evidence.first())
        .map_or_else(|| failure.summary.clone(), |said| said.trim_end_matches('.').to_owned());
    let failure = Failure { summary, ..failure };
    let mut diagnosis = diagnose(&failure, &history(grant, client, now), &client.provider);
    // A probe is a reason to suspect: only a refusal makes a grant dead.
    diagnosis.certainty = diagnosis.certainty.min(Certainty::Likely);
    suspect_another_holder(&mut diagnosis, grant, client);
    diagnosis
}

/// A token that the journal has never seen presented, and that is spent all the same.
fn suspect_another_holder(diagnosis: &mut Diagnosis, grant: &GrantRecord, client: &ClientRecord) {
    let presented = grant.attempts.iter().any(|attempt| attempt.generation == grant.generation);
    if presented || client.provider.rotation.kind == RotationKind::Reusable {
        return;
    }
    diagnosis.evidence.push(
        "This installation has never presented that refresh token: unless the grant was ended, somebody else holds \
         it and has used it."
            .to_owned(),
    );
    let reused = Cause::RotatedTokenReused;
    if diagnosis.cause != reused && !diagnosis.alternatives.contains(&reused) {
        diagnosis.alternatives.truncate(MAX_ALTERNATIVES - 1);
        diagnosis.alternatives.push(reused);
    }
}

fn history(grant: &GrantRecord, client: &ClientRecord, now: Timestamp) -> History {
    let credential = grant.credential.as_ref();
    let (announced_refresh_lifetime, announced_authorization_lifetime) = grant.announced_lifetimes();
    History {
        refresh_token_age: credential.map(|credential| now.since(credential.obtained_at)),
        idle: Some(now.since(grant.last_used_at())),
        since_last_success: Some(now.since(grant.last_success_at)),
        rotation_observed: Some(grant.predecessor.is_some()),
        sent_token_is_latest: Some(true),
        refresh_token_present: Some(credential.is_some()),
        client_changed_recently: Some(client.updated_at > grant.last_success_at),
        client_worked_before: Some(grant.generation > grant.lineage_start),
        announced_refresh_lifetime,
        announced_authorization_lifetime,
        ..History::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{Branding, Breaker, Learned, Probation},
        name::{ClientName, Namespace},
        provider::{Endpoints, Provider},
        scope::ScopeSet,
        wire::{
            client_authentication::{AuthenticationMethod, ClientIdentifier},
            http::{RequestSent, TransportFailureKind},
        },
    };

    fn grant() -> GrantRecord {
        serde_json::from_value(serde_json::json!({
            "id": "g_00000000000000000000000000000001", "namespace": "default", "client": "crm",
            "owner": { "subject": "u", "tenant": null, "external_id": null, "labels": {} },
            "requested": "a b", "granted": "a b", "state": { "state": "active" }, "generation": 1,
            "lineage_start": 1, "fence": 0, "lease": null, "blocked_until": null, "verdict": null, "failures": 0,
            "retry_at": null, "next_due_at": null, "revocation": null, "removed_at": null, "created_at": 0,
            "last_success_at": 0,
        }))
        .unwrap()
    }

    fn client() -> ClientRecord {
        ClientRecord {
            name: ClientName::new("crm").unwrap(),
            namespace: Namespace::default(),
            version: 1,
            provider: Provider::generic(),
            parameters: std::collections::BTreeMap::new(),
            issuer: None,
            issuer_announced: false,
            endpoints: Endpoints::default(),
            identifier: ClientIdentifier::new("c").unwrap(),
            authentication: AuthenticationMethod::None,
            redirect_uris: Vec::new(),
            scopes: ScopeSet::new(),
            return_urls: Vec::new(),
            breaker: Breaker::default(),
            learned: Learned::default(),
            probation: Probation::default(),
            keep_alive: true,
            branding: Branding::default(),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            removed_at: None,
            secret: None,
        }
    }

    fn told(probe: Probe, status: u16, body: &str) -> Told {
        let response = HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec().into() };
        probe.read(&Ok(response), &grant(), &client())
    }

    #[test]
    fn only_clear_words_are_a_yes_or_a_no() {
        let rows = [
            (Probe::Introspection, 200, r#"{"active":true}"#, Some(true)),
            (Probe::Introspection, 200, r#"{"active":false}"#, Some(false)),
            (Probe::Introspection, 401, r#"{"active":false}"#, None),
            (Probe::Introspection, 200, "<html>", None),
            (Probe::Userinfo, 200, "{}", Some(true)),
            (Probe::Userinfo, 401, "", Some(false)),
            (Probe::Userinfo, 403, "", None),
            (Probe::Userinfo, 500, "", None),
        ];
        for (probe, status, body, alive) in rows {
            let told = told(probe, status, body);
            assert_eq!(told.alive, alive, "{probe:?} {status} {body}");
            assert!(told.evidence.iter().all(|sentence| sentence.ends_with('.')), "{told:?}");
        }
    }

    #[test]
    fn no_answer_is_no_no() {
        let failure = TransportFailure {
            kind: TransportFailureKind::Timeout,
            request_sent: RequestSent::Maybe,
            detail: "no answer in 15 s".to_owned(),
        };
        let told = Probe::Userinfo.read(&Err(failure), &grant(), &client());
        assert_eq!(
            (told.alive, told.evidence[0].as_str()),
            (None, "No answer to userinfo: no answer in 15 s.")
        );
    }

    #[test]
    fn a_live_token_that_is_not_as_it_should_be_is_told_so_without_naming_anybody() {
        let odd = r#"{"active":true,"client_id":"other","sub":"somebody","scope":"a","exp":60}"#;
        let said = told(Probe::Introspection, 200, odd).evidence.join(" ");
        for part in ["another client", "another account", "lost scopes that were granted: b", "00:01:00Z"] {
            assert!(said.contains(part), "{part} is missing in {said}");
        }
        assert!(!said.contains("somebody"), "{said}");
        let right =
            told(Probe::Introspection, 200, r#"{"active":true,"client_id":"c","sub":"u","scope":"a b"}"#);
        assert_eq!(right.evidence.len(), 1, "{right:?}");
    }

    #[test]
    fn what_is_said_of_the_refresh_token_counts_more_than_what_is_said_of_the_access_token() {
        let no = told(Probe::Introspection, 200, r#"{"active":false}"#);
        let yes = told(Probe::Userinfo, 200, "{}");
        assert_eq!(verdict(&[yes.clone(), no.clone()]), Some(false));
        assert_eq!(verdict(std::slice::from_ref(&yes)), Some(true));
        assert_eq!(diagnosis(&grant(), &client(), &[yes], Timestamp(0)), None);
        let supposed = diagnosis(&grant(), &client(), &[no], Timestamp(0)).unwrap();
        assert!(supposed.certainty < Certainty::Certain, "a probe is a reason to suspect: {supposed:?}");
        assert!(supposed.alternatives.len() <= MAX_ALTERNATIVES);
    }
}
