//! A failure as a JSON record: what was asked, what came back, and what the reporter knows besides.

use std::time::Duration;

use evergrant_proto::{
    diagnosis::{History, OtherGrants, PreviousAttempt, PreviousOutcome},
    failure::Stage,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Case, Form, Unreadable, add_answer, secrets, statement, supposition, transport};

/// Whether a document is a record and not the body of an answer.
pub(super) fn is_one(value: &Value) -> bool {
    value.get("observations").is_some_and(Value::is_object)
        || value.get("stage").is_some_and(Value::is_string) && value.get("body").is_some()
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    provider: Option<String>,
    #[serde(default)]
    stage: Option<String>,
    #[serde(default)]
    http_status: Option<u16>,
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    observations: Option<Observations>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Observations {
    refresh_token_age_s: Option<f64>,
    authorization_age_s: Option<f64>,
    idle_s: Option<f64>,
    since_last_success_s: Option<f64>,
    access_token_expired: Option<bool>,
    previous_attempt: Option<Previous>,
    concurrent_attempts: Option<Value>,
    several_processes: Option<bool>,
    rotation_observed: Option<bool>,
    sent_token_is_latest: Option<bool>,
    newest_token_persisted: Option<bool>,
    refresh_token_present: Option<bool>,
    offline_access_requested: Option<bool>,
    client_id_matches_grant: Option<bool>,
    client_changed_recently: Option<bool>,
    other_grants_of_client: Option<OtherGrants>,
    clock_offset_s: Option<f64>,
    code_age_s: Option<f64>,
    code_sent_before: Option<bool>,
    redirect_uri_matches_authorization: Option<bool>,
    pkce_verifier_matches_challenge: Option<bool>,
    app_publishing_status: Option<String>,
    transport_error: Option<String>,
}

#[derive(Deserialize)]
struct Previous {
    outcome: PreviousOutcome,
    #[serde(default)]
    age_s: Option<f64>,
}

/// Reads a record.
pub(super) fn read(value: Value) -> Result<Case, Unreadable> {
    if !value.is_object() {
        return Err(Unreadable::NotARecord("it is no JSON object".to_owned()));
    }
    // The parser's own words may quote a value, which may be secret.
    let record: Record = serde_json::from_value(value).map_err(|_| {
        Unreadable::NotARecord("a member is of the wrong kind (docs/cli.md has the format)".to_owned())
    })?;
    let mut case = Case {
        id: record.id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)),
        form: Form::Record,
        provider: record.provider,
        stage: record.stage.as_deref().and_then(stage),
        status: record.http_status,
        headers: headers(record.headers, record.content_type),
        ..Case::default()
    };
    let observations = record.observations.unwrap_or_default();
    let transport_error = observations.transport_error.clone();
    case.history = history(observations);
    let body = record.body.filter(|body| !body.is_null()).map(|body| match body {
        Value::String(text) => text,
        other => other.to_string(),
    });
    let body = body.filter(|body| !body.trim().is_empty());
    add_answer(&mut case, body.as_deref(), &secrets::Secrets::default());
    if let Some(text) = transport_error {
        let secrets = secrets::of_text(&text);
        case.transport = Some(transport::failure(&text, &secrets));
        let stated = || statement::of(&text).error.filter(|error| error.code.is_some());
        case.error = case.error.or_else(|| stated().map(|error| secrets.redact(error)));
    }
    if case.stage.is_none() {
        case.stage = supposition::stage_of(body.as_deref().unwrap_or_default(), &case);
    }
    Ok(case)
}

/// A stage by its name; `network` and unknown ones are left to what can be seen.
fn stage(name: &str) -> Option<Stage> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}

fn headers(headers: Option<Map<String, Value>>, content_type: Option<String>) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = headers
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
        .map(supposition::kept)
        .collect();
    if let Some(content_type) = content_type
        && !kept.iter().any(|(name, _)| name == "content-type")
    {
        kept.push(supposition::kept(("content-type".to_owned(), content_type)));
    }
    kept
}

fn history(observations: Observations) -> History {
    let concurrent = match observations.concurrent_attempts {
        Some(Value::Bool(overlapped)) => Some(u32::from(overlapped)),
        Some(Value::Number(number)) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        _ => None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and clocks do not differ by aeons")]
    let clock_offset_seconds = observations.clock_offset_s.map(|offset| offset as i64);
    History {
        refresh_token_age: seconds(observations.refresh_token_age_s),
        authorization_age: seconds(observations.authorization_age_s),
        idle: seconds(observations.idle_s),
        since_last_success: seconds(observations.since_last_success_s),
        access_token_expired: observations.access_token_expired,
        previous_attempt: observations
            .previous_attempt
            .map(|previous| PreviousAttempt { outcome: previous.outcome, age: seconds(previous.age_s) }),
        concurrent_attempts: concurrent,
        several_processes: observations.several_processes,
        rotation_observed: observations.rotation_observed,
        sent_token_is_latest: observations.sent_token_is_latest,
        newest_token_persisted: observations.newest_token_persisted,
        refresh_token_present: observations.refresh_token_present,
        offline_access_requested: observations.offline_access_requested,
        client_matches_grant: observations.client_id_matches_grant,
        client_changed_recently: observations.client_changed_recently,
        other_grants: observations.other_grants_of_client,
        clock_offset_seconds,
        code_age: seconds(observations.code_age_s),
        code_sent_before: observations.code_sent_before,
        redirect_uri_matches: observations.redirect_uri_matches_authorization,
        verifier_matches: observations.pkce_verifier_matches_challenge,
        app_in_testing: observations.app_publishing_status.map(|status| {
            matches!(status.to_ascii_lowercase().as_str(), "testing" | "development" | "unpublished")
        }),
        ..History::default()
    }
}

fn seconds(seconds: Option<f64>) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds?).ok()
}
