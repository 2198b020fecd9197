//! From messages to commands: what is sent, and what an answer means for the record.

use std::time::Duration;

use super::{
    Engine, Issue, Refusal,
    backoff::wait_after,
    code::{Code, Pace},
    flight::WAITS_FOR_STORE,
};
use crate::{
    authorization::AuthorizationRecord,
    client::ClientRecord,
    diagnosis::{Cause, Certainty, Diagnosis, History, PreviousOutcome, diagnose, skewed_clock},
    failure::{
        Consequence, Culprit, Exchange, Failure, Processed, Report, Stage, Verdict, classify, reported,
        retry_after::retry_after,
    },
    grant::{AccessEntry, AccessKey, Expiry, GrantRecord, IssuedTokens, repeat_before},
    name::{AttemptId, GrantId},
    secret::{ClientSecret, CodeVerifier},
    time::{Now, Timestamp},
    transaction::{Claimed, Command, Complete, End, Ending, Refuse, RejectClient, Succeed},
    wire::{
        error_response::ErrorResponse,
        http::{HttpRequest, HttpResponse, TransportFailure, TransportFailureKind},
        id_token::{Expectations, IdTokenClaims},
        lifetime::Lifetime,
        revocation::{
            RevocationOutcome, RevokedToken, revocation_outcome, revocation_request as request_revocation,
        },
        token_request::{RefreshRequest, TokenEndpoint},
        token_response::{PartialTokens, TokenResponse},
    },
};

/// What an answer means.
#[derive(Debug)]
pub(super) struct Conclusion {
    /// What the store is told.
    pub(super) command: Command,
    /// What it says of the endpoint.
    pub(super) endpoint: EndpointVerdict,
    /// What callers without a valid token are told.
    pub(super) refusal: Refusal,
}

/// What an answer says of the endpoint's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndpointVerdict {
    /// It answered properly, whatever it said.
    Healthy,
    /// It, or the way to it, failed.
    Failing { retry_after: Option<Duration> },
    /// Nothing was sent.
    Unknown,
}

/// A code on its way: what is needed to judge the answer, and to mask what must not come back in it.
#[derive(Debug)]
pub(super) struct SentCode {
    pub(super) attempt: AttemptId,
    pub(super) code: Code,
    pub(super) sent_at: Timestamp,
}

/// What the answer to a code exchange, or to a poll, means.
#[derive(Debug)]
pub(super) enum Exchanged {
    Brought(Box<Complete>),
    /// The user has not decided, as far as anybody knows.
    Pending(Pace),
    Failed {
        reason: String,
        diagnosis: Option<Box<Diagnosis>>,
        denied: bool,
    },
}

/// What the answer to a revocation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revoked {
    /// RFC 7009 2.2: also for a token that the provider does not know.
    Final,
    Later {
        retry_after: Option<Duration>,
    },
}

/// The refresh of a claim; `Err`: it cannot even be put together.
pub(super) fn refresh_request(claimed: &Claimed, key: &AccessKey) -> Result<HttpRequest, Unsendable> {
    let client = &claimed.client;
    let url = client.endpoints.for_refresh().ok_or_else(|| Unsendable {
        cause: Cause::WrongTokenEndpointOrTenant,
        reason: "the client has no token endpoint".to_owned(),
    })?;
    let credentials = client.credentials();
    let endpoint = TokenEndpoint { url, client: &credentials, dialect: &client.provider.dialect };
    let mut refresh = RefreshRequest::new(&claimed.credential.refresh_token);
    refresh.lifetime =
        claimed.grant.access.iter().map(AccessEntry::lifetime).find(|lifetime| !lifetime.is_zero());
    refresh.resource = key.resource.as_deref();
    refresh.redirect_uri = client.redirect_uris.first();
    if let Some(wanted) = key.scope.as_ref().filter(|_| !sabotaged!(WidenTheScope)) {
        refresh = refresh
            .narrowed_to(wanted, &claimed.grant.granted)
            .map_err(|error| Unsendable { cause: Cause::ScopeProblem, reason: error.to_string() })?;
    }
    Ok(endpoint.refresh(&refresh))
}

/// The revocation of a grant's refresh token. `None`: the provider has no endpoint for it, or nothing is held.
pub(super) fn revocation_request(grant: &GrantRecord, client: &ClientRecord) -> Option<HttpRequest> {
    let url = client.endpoints.revocation.as_ref()?;
    let credential = grant.credential.as_ref()?;
    let endpoint = TokenEndpoint { url, client: &client.credentials(), dialect: &client.provider.dialect };
    Some(request_revocation(&endpoint, RevokedToken::Refresh(&credential.refresh_token)))
}

/// Judges the answer to a refresh.
pub(super) fn conclude(
    engine: &mut Engine,
    claimed: &Claimed,
    key: &AccessKey,
    sent_at: Timestamp,
    answer: &Result<HttpResponse, TransportFailure>,
    now: Now,
) -> Conclusion {
    let client = &claimed.client;
    let secrets = secrets_of(claimed);
    let exchange = Exchange {
        stage: Stage::RefreshToken,
        result: answer.as_ref(),
        dialect: &client.provider.dialect,
        now: now.wall,
        secrets: &secrets,
    };
    let issued = match classify(&exchange) {
        Verdict::Success(tokens) => issued_from(*tokens, client, key, sent_at, engine.entropy.jitter()),
        Verdict::Salvaged { tokens, .. } if tokens.refresh_token.is_some() => {
            salvaged_from(*tokens, key, sent_at, engine.entropy.jitter())
        }
        Verdict::Salvaged { failure, .. } | Verdict::Failure(failure) => {
            return fail(engine, claimed, &failure, sent_at, now);
        }
    };
    let succeed = Succeed {
        grant: claimed.grant.id,
        attempt: claimed.attempt,
        client_version: client.version,
        issued,
        wall: now.wall,
    };
    Conclusion {
        command: Command::Succeed(Box::new(succeed)),
        endpoint: EndpointVerdict::Healthy,
        refusal: Refusal::StoreUnavailable(WAITS_FOR_STORE.to_owned()),
    }
}

/// Judges the answer to a code exchange, or to a poll.
pub(super) fn conclude_exchange(
    engine: &mut Engine,
    found: &(AuthorizationRecord, ClientRecord),
    sent: &SentCode,
    answer: &Result<HttpResponse, TransportFailure>,
    now: Now,
) -> Exchanged {
    let (record, client) = found;
    let &SentCode { attempt, sent_at, ref code } = sent;
    let secret = client.secret.as_ref().map(ClientSecret::expose);
    let verifier = record.verifier.as_ref().map(CodeVerifier::expose);
    let secrets: Vec<_> = secret.into_iter().chain(verifier).chain([code.expose()]).collect();
    let exchange = Exchange {
        stage: code.stage(),
        result: answer.as_ref(),
        dialect: &client.provider.dialect,
        now: now.wall,
        secrets: &secrets,
    };
    let names =
        ExchangeNames { attempt, new_grant: GrantId(engine.entropy.id()), jitter: engine.entropy.jitter() };
    let tokens = match classify(&exchange) {
        Verdict::Success(tokens) => *tokens,
        // Only for a new grant: whose these are is not known, and a repair must not take over another account.
        Verdict::Salvaged { tokens, .. } if tokens.refresh_token.is_some() && record.grant.is_none() => {
            return Exchanged::Brought(Box::new(Complete {
                authorization: record.id,
                attempt,
                new_grant: names.new_grant,
                issued: salvaged_from(*tokens, &AccessKey::default(), sent_at, names.jitter),
                subject: None,
                tenant: None,
                wall: now.wall,
            }));
        }
        // Also for a device: what brought tokens, however mangled, has used up its code.
        Verdict::Salvaged { failure, .. } => return refused_exchange(code, client, failure),
        Verdict::Failure(failure) => {
            return match code.polls_on(&failure) {
                Some(pace) => Exchanged::Pending(pace),
                None => refused_exchange(code, client, failure),
            };
        }
    };
    match completion(tokens, record, client, names, sent_at, now.wall) {
        Ok(complete) => Exchanged::Brought(Box::new(complete)),
        Err(reason) => {
            let diagnosis =
                answer.as_ref().ok().and_then(|response| skewed_clock(response, &reason, sent_at, now.wall));
            Exchanged::Failed { reason, diagnosis: diagnosis.map(Box::new), denied: false }
        }
    }
}

fn refused_exchange(code: &Code, client: &ClientRecord, failure: Failure) -> Exchanged {
    let diagnosis = diagnose(&failure, &code.history(), &client.provider);
    let denied = code.is_denied(&failure);
    Exchanged::Failed { reason: failure.summary, diagnosis: Some(Box::new(diagnosis)), denied }
}

/// What an exchange is known by, drawn by whoever makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeNames {
    /// The journalled exchange.
    pub attempt: AttemptId,
    /// The id of the grant, if it is a new one.
    pub new_grant: GrantId,
    /// See [`AccessEntry::jitter`].
    pub jitter: u16,
}

/// The command that connects a grant with the tokens of an authorization. `Err`: they cannot be whose they should be.
pub fn completion(
    tokens: TokenResponse,
    record: &AuthorizationRecord,
    client: &ClientRecord,
    names: ExchangeNames,
    sent_at: Timestamp,
    wall: Timestamp,
) -> Result<Complete, String> {
    let account = account(&tokens, client, wall)?;
    let issued = issued_from(tokens, client, &AccessKey::default(), sent_at, names.jitter);
    Ok(Complete {
        authorization: record.id,
        attempt: names.attempt,
        new_grant: names.new_grant,
        issued,
        subject: account.as_ref().map(|claims| claims.subject.clone()),
        tenant: account.and_then(|claims| claims.tenant),
        wall,
    })
}

/// Whose tokens these are, where the provider tells. An ID token that does not fit must not pass for "same account".
fn account(
    tokens: &TokenResponse,
    client: &ClientRecord,
    wall: Timestamp,
) -> Result<Option<IdTokenClaims>, String> {
    let Some(id_token) = &tokens.id_token else { return Ok(None) };
    let claims = IdTokenClaims::decode(id_token).map_err(|error| error.to_string())?;
    let client_id = client.identifier.as_str();
    let expected = Expectations { issuer: client.issuer.as_deref(), client_id, nonce: None, now: wall };
    claims.check(&expected).map_err(|error| error.to_string())?;
    Ok(Some(claims))
}

/// Judges the answer to a revocation (RFC 7009 2.2, 2.2.1).
pub(super) fn conclude_revocation(
    answer: &Result<HttpResponse, TransportFailure>,
    wall: Timestamp,
) -> Revoked {
    let Ok(response) = answer else { return Revoked::Later { retry_after: None } };
    match revocation_outcome(response) {
        RevocationOutcome::Revoked | RevocationOutcome::UnsupportedTokenType => Revoked::Final,
        RevocationOutcome::StillAlive | RevocationOutcome::Refused(_) => {
            Revoked::Later { retry_after: retry_after(response, wall) }
        }
    }
}

/// A claim that may have been journalled and was never sent.
pub(super) fn not_sent(
    grant: GrantId,
    attempt: AttemptId,
    reason: String,
    refusal: Refusal,
    wall: Timestamp,
) -> Conclusion {
    let diagnosis = local_trouble(reason.clone());
    let end = End { grant, attempt, ending: Ending::NotSent, reason, diagnosis, retry_at: wall, wall };
    Conclusion { command: Command::End(Box::new(end)), endpoint: EndpointVerdict::Unknown, refusal }
}

/// Why a refresh cannot even be put together: what is asked for, or the configuration, must change.
#[derive(Debug)]
pub(super) struct Unsendable {
    cause: Cause,
    reason: String,
}

impl Unsendable {
    fn diagnosis(&self) -> Diagnosis {
        Diagnosis {
            cause: self.cause,
            culprit: self.cause.culprit(),
            permanent: self.cause.is_permanent(),
            retry: false,
            ..local_trouble(self.reason.clone())
        }
    }
}

/// What somebody is told who asks for scopes that were never granted: nothing is claimed for it, since that would hold up
/// everybody else.
pub(super) fn never_granted(grant: &GrantRecord, key: &AccessKey) -> Option<Refusal> {
    let wanted = key.scope.as_ref().filter(|_| !sabotaged!(WidenTheScope))?;
    let refresh = RefreshRequest::new(&grant.credential.as_ref()?.refresh_token);
    let error = refresh.narrowed_to(wanted, &grant.granted).err()?;
    let unsendable = Unsendable { cause: Cause::ScopeProblem, reason: error.to_string() };
    Some(Refusal::RequestRefused(Box::new(unsendable.diagnosis())))
}

/// A claim whose request cannot be put together.
pub(super) fn unsendable(claimed: &Claimed, unsendable: Unsendable, wall: Timestamp) -> Conclusion {
    let diagnosis = unsendable.diagnosis();
    let reason = unsendable.reason;
    let end = End {
        grant: claimed.grant.id,
        attempt: claimed.attempt,
        ending: Ending::Unsendable,
        reason,
        diagnosis: diagnosis.clone(),
        retry_at: wall.plus(Duration::from_secs(60)),
        wall,
    };
    let refusal = Refusal::RequestRefused(Box::new(diagnosis));
    Conclusion { command: Command::End(Box::new(end)), endpoint: EndpointVerdict::Unknown, refusal }
}

/// What a refusal means that came back with the user instead of a code (RFC 6749 4.1.2.1).
pub(super) fn diagnose_denial(error: &ErrorResponse, client: &ClientRecord) -> Diagnosis {
    let failure = reported(&Report {
        stage: Stage::Authorization,
        status: None,
        headers: &[],
        error: Some(error),
        dialect: &client.provider.dialect,
    });
    diagnose(&failure, &History::default(), &client.provider)
}

/// An error for people: its code and what the provider says, masked by the parser already.
pub(super) fn describe_error(error: &ErrorResponse) -> String {
    let code = error.code.as_ref().map_or_else(|| "error".to_owned(), ToString::to_string);
    match &error.description {
        Some(description) => format!("{code}: {}", description.as_str()),
        None => code,
    }
}

impl Conclusion {
    /// Whether nothing has reached the provider.
    pub(super) fn was_not_sent(&self) -> bool {
        matches!(&self.command, Command::End(end) if end.ending == Ending::NotSent)
    }

    /// What a success brought, as it can be served before the store knows it.
    pub(super) fn issue(&self, grant: &GrantRecord) -> Option<Issue> {
        let Command::Succeed(succeed) = &self.command else { return None };
        let mut access = succeed.issued.access.clone()?;
        access.generation = grant.generation.next();
        Some(Issue {
            grant: grant.id,
            scope: access.scope.clone().unwrap_or_else(|| grant.granted.clone()),
            generation: access.generation,
            access,
            warning: None,
        })
    }
}

fn fail(
    engine: &mut Engine,
    claimed: &Claimed,
    failure: &Failure,
    sent_at: Timestamp,
    now: Now,
) -> Conclusion {
    let grant = &claimed.grant;
    let retry_after = failure.retry_after_seconds.map(Duration::from_secs);
    let retry_after = retry_after.filter(|_| !sabotaged!(IgnoreRetryAfter));
    let wait = wait_after(grant.failures, retry_after, &mut engine.entropy);
    let wait = if sabotaged!(NeverBackOff) { Duration::ZERO } else { wait };
    let wait = if failure.processed == Processed::Maybe && retry_after.is_none() {
        inside_window(wait, claimed, now.wall)
    } else {
        wait
    };
    let history = grant.history_of_failure(&claimed.client, claimed.attempt, sent_at, now.wall);
    let diagnosis = diagnose(failure, &history, &claimed.client.provider);
    let end = |ending| {
        Command::End(Box::new(End {
            grant: grant.id,
            attempt: claimed.attempt,
            ending,
            reason: failure.summary.clone(),
            diagnosis: diagnosis.clone(),
            retry_at: now.wall.plus(wait),
            wall: now.wall,
        }))
    };
    let boxed = Box::new(diagnosis.clone());
    let (attempt, client_version, wall) = (claimed.attempt, claimed.client.version, now.wall);
    let unavailable = failure.http_status.is_some_and(|status| status == 503);
    let consequence = match failure.consequence {
        _ if unavailable && sabotaged!(CountUnavailableAsRefusal) => Consequence::Terminal,
        consequence => consequence,
    };
    let (command, refusal) = match consequence {
        Consequence::Terminal => (
            Command::Refuse(Box::new(Refuse {
                grant: grant.id,
                attempt,
                client_version,
                failure: failure.clone(),
                sent_at,
                wall,
            })),
            Refusal::NeedsReauthorization(boxed),
        ),
        Consequence::SuspendClient => (
            Command::RejectClient(Box::new(RejectClient {
                grant: grant.id,
                attempt,
                client_version,
                failure: failure.clone(),
                sent_at,
                wall,
            })),
            Refusal::ClientRejected { diagnosis: boxed, retry_after: wait },
        ),
        Consequence::RefuseRequest => (end(Ending::RequestRefused), Refusal::RequestRefused(boxed)),
        _ if failure.processed == Processed::Maybe => (
            end(Ending::Unknown(manner(failure))),
            Refusal::OutcomeUnknown { diagnosis: Some(boxed), retry_after: wait },
        ),
        // The configuration forbids it, the guard for one: nothing is wrong at the provider, and waiting does not help.
        Consequence::Alarm => (end(Ending::NotProcessed), Refusal::RequestRefused(boxed)),
        _ if never_sent(failure) => {
            (end(Ending::NotSent), Refusal::ProviderUnavailable { diagnosis: Some(boxed), retry_after: wait })
        }
        _ => (
            end(Ending::NotProcessed),
            Refusal::ProviderUnavailable { diagnosis: Some(boxed), retry_after: wait },
        ),
    };
    Conclusion { command, endpoint: endpoint_verdict(failure, retry_after), refusal }
}

/// A backoff that lets a repetition of a token in doubt still arrive while the provider forgives it.
fn inside_window(wait: Duration, claimed: &Claimed, wall: Timestamp) -> Duration {
    let end = repeat_before(&claimed.grant, &claimed.client.provider.rotation, claimed.pace);
    let left = end.map(|end| end.since(wall)).filter(|left| !left.is_zero());
    // Half of what is left: the scheduler needs its time to find the grant.
    left.map_or(wait, |left| wait.min(left / 2))
}

/// Our own doing, before any byte: no sign of trouble at the provider.
fn never_sent(failure: &Failure) -> bool {
    matches!(failure.transport, Some(TransportFailureKind::TooLate))
}

fn endpoint_verdict(failure: &Failure, retry_after: Option<Duration>) -> EndpointVerdict {
    match failure.culprit {
        Culprit::Network | Culprit::Provider => EndpointVerdict::Failing { retry_after },
        Culprit::ClientRegistration | Culprit::Grant | Culprit::Request => EndpointVerdict::Healthy,
        Culprit::Local => EndpointVerdict::Unknown,
    }
}

fn manner(failure: &Failure) -> PreviousOutcome {
    match (failure.transport, failure.http_status) {
        (Some(TransportFailureKind::Timeout), _) | (_, Some(408)) => PreviousOutcome::Timeout,
        (Some(TransportFailureKind::TooLarge | TransportFailureKind::Protocol), _) => {
            PreviousOutcome::Unreadable
        }
        (Some(_), _) => PreviousOutcome::ConnectionError,
        (None, Some(500..)) => PreviousOutcome::ServerError,
        (None, _) => PreviousOutcome::Unreadable,
    }
}

fn secrets_of(claimed: &Claimed) -> Vec<&str> {
    let secret = claimed.client.secret.as_ref().map(ClientSecret::expose);
    secret.into_iter().chain([claimed.credential.refresh_token.expose()]).collect()
}

fn issued_from(
    tokens: TokenResponse,
    client: &ClientRecord,
    key: &AccessKey,
    sent_at: Timestamp,
    jitter: u16,
) -> IssuedTokens {
    let expiry = match (tokens.lifetime, client.provider.lifetimes.access_token) {
        (Lifetime::Never, _) => Expiry::Never,
        (Lifetime::Unknown, Some(usual)) => Expiry::At(sent_at.plus(usual)),
        (Lifetime::Unknown, None) => Expiry::Unknown,
        (stated, _) => stated.counted_from(sent_at).map_or(Expiry::Unknown, Expiry::At),
    };
    let access = AccessEntry {
        key: key.clone(),
        token: tokens.access_token,
        token_type: tokens.token_type.to_string(),
        scope: tokens.scopes.clone(),
        issued_at: sent_at,
        expiry,
        generation: crate::name::Generation::default(),
        rejected: false,
        jitter,
    };
    IssuedTokens {
        access: Some(access),
        refresh_token: tokens.refresh_token,
        refresh_expires_at: tokens.refresh_token_lifetime.counted_from(sent_at),
        authorization_expires_at: tokens.authorization_lifetime.counted_from(sent_at),
        scope: tokens.scopes,
        sent_at,
    }
}

/// A refresh token out of an answer that was otherwise unusable: it may be the only copy of the grant.
fn salvaged_from(tokens: PartialTokens, key: &AccessKey, sent_at: Timestamp, jitter: u16) -> IssuedTokens {
    let access = tokens.access_token.map(|token| AccessEntry {
        key: key.clone(),
        token,
        token_type: "Bearer".to_owned(),
        scope: None,
        issued_at: sent_at,
        expiry: Expiry::Unknown,
        generation: crate::name::Generation::default(),
        rejected: false,
        jitter,
    });
    IssuedTokens {
        access,
        refresh_token: tokens.refresh_token,
        refresh_expires_at: None,
        authorization_expires_at: None,
        scope: None,
        sent_at,
    }
}

/// A diagnosis of our own side.
fn local_trouble(evidence: String) -> Diagnosis {
    Diagnosis {
        cause: Cause::Undetermined,
        certainty: Certainty::Certain,
        culprit: Culprit::Local,
        permanent: false,
        retry: true,
        remedies: Vec::new(),
        evidence: vec![evidence],
        alternatives: Vec::new(),
    }
}
