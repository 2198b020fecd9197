use std::time::Duration;

use super::*;
use crate::{
    diagnosis::{Neighbours, OtherGrants, PastDeath, PreviousAttempt, PreviousOutcome},
    failure::{Exchange, Verdict, classify},
    provider::{Catalogue, RotationKind},
    time::Timestamp,
    wire::http::{HttpResponse, RequestSent, TransportFailure, TransportFailureKind},
};

const DAY: u64 = 86_400;

fn provider(id: &str) -> Provider {
    Catalogue::builtin().provider(id).unwrap().clone()
}

fn failure(provider: &Provider, stage: Stage, status: u16, body: &str) -> Failure {
    let response = HttpResponse { status, headers: vec![], body: body.as_bytes().to_vec().into() };
    let exchange = Exchange {
        stage,
        result: Ok(&response),
        dialect: &provider.dialect,
        now: Timestamp(0),
        secrets: &[],
    };
    match classify(&exchange) {
        Verdict::Failure(failure) => failure,
        verdict => panic!("{verdict:?}"),
    }
}

fn refused(provider: &Provider, history: &History) -> Diagnosis {
    let failure = failure(provider, Stage::RefreshToken, 400, r#"{"error":"invalid_grant"}"#);
    diagnose(&failure, history, provider)
}

fn at(stage: Stage, status: u16, body: &str, history: &History) -> Diagnosis {
    let provider = provider("generic");
    diagnose(&failure(&provider, stage, status, body), history, &provider)
}

fn after(outcome: PreviousOutcome) -> History {
    let previous_attempt = Some(PreviousAttempt { outcome, age: Some(Duration::from_secs(300)) });
    History { previous_attempt, ..History::default() }
}

#[expect(clippy::unnecessary_wraps, reason = "histories hold options")]
fn days(days: u64) -> Option<Duration> {
    Some(Duration::from_secs(days * DAY))
}

#[test]
fn a_refusal_after_an_unknown_outcome_is_a_lost_rotation_and_maybe_a_revocation() {
    let unknown = [
        PreviousOutcome::Timeout,
        PreviousOutcome::ConnectionError,
        PreviousOutcome::ServerError,
        PreviousOutcome::Unreadable,
        PreviousOutcome::NotRecorded,
    ];
    for outcome in unknown {
        let diagnosis = refused(&provider("oidc-provider"), &after(outcome));
        assert_eq!(diagnosis.cause, Cause::LostRotationNotPersisted, "{outcome:?}");
        assert_eq!(diagnosis.certainty, Certainty::Likely);
        assert_eq!(diagnosis.culprit, crate::failure::Culprit::Local);
        assert!(diagnosis.alternatives.contains(&Cause::UserRevoked));
        assert!(diagnosis.permanent && !diagnosis.retry);
        assert!(diagnosis.evidence[1].contains("5 minutes before"), "{:?}", diagnosis.evidence);
    }
}

#[test]
fn an_unknown_outcome_is_not_why_where_the_provider_takes_the_token_once_more() {
    let forgiven = History { repetition_forgiven: Some(true), ..after(PreviousOutcome::Timeout) };
    let diagnosis = refused(&provider("oidc-provider"), &forgiven);
    assert_eq!(diagnosis.cause, Cause::Undetermined);
    assert!(
        diagnosis.evidence.iter().any(|said| said.ends_with("this is not why.")),
        "{:?}",
        diagnosis.evidence
    );
    assert!(
        !diagnosis.alternatives.contains(&Cause::LostRotationNotPersisted),
        "{:?}",
        diagnosis.alternatives
    );
}

/// It rotates, against what is said of it: who knows what else it does.
#[test]
fn an_unknown_outcome_may_be_why_where_the_provider_rotates_and_is_said_not_to() {
    let seen = History {
        repetition_forgiven: Some(true),
        rotation_observed: Some(true),
        ..after(PreviousOutcome::Timeout)
    };
    let diagnosis = refused(&provider("zoho"), &seen);
    assert_eq!(diagnosis.cause, Cause::LostRotationNotPersisted);
}

#[test]
fn a_lost_rotation_is_certain_only_if_the_provider_itself_reports_reuse() {
    let keycloak = provider("keycloak");
    let body =
        r#"{"error":"invalid_grant","error_description":"Maximum allowed refresh token reuse exceeded"}"#;
    let reported = failure(&keycloak, Stage::RefreshToken, 400, body);
    let diagnosis = diagnose(&reported, &after(PreviousOutcome::Timeout), &keycloak);
    assert_eq!((diagnosis.cause, diagnosis.certainty), (Cause::LostRotationNotPersisted, Certainty::Certain));
    // Where the policy would have forgiven it, the policy is wrong, or there is somebody else.
    let forgiven = History { repetition_forgiven: Some(true), ..after(PreviousOutcome::Timeout) };
    let diagnosis = diagnose(&reported, &forgiven, &keycloak);
    assert_eq!((diagnosis.cause, diagnosis.certainty), (Cause::LostRotationNotPersisted, Certainty::Likely));
    assert_eq!(diagnosis.alternatives[0], Cause::RotatedTokenReused);
}

#[test]
fn a_refusal_after_a_known_outcome_or_without_rotation_is_no_lost_rotation() {
    for outcome in [PreviousOutcome::Success, PreviousOutcome::Refused] {
        assert_eq!(refused(&provider("oidc-provider"), &after(outcome)).cause, Cause::Undetermined);
    }
    let reusable = provider("google");
    assert_eq!(reusable.rotation.kind, RotationKind::Reusable);
    assert_eq!(refused(&reusable, &after(PreviousOutcome::Timeout)).cause, Cause::Undetermined);
}

#[test]
fn reuse_that_the_provider_reports_is_told_apart_by_our_records() {
    let keycloak = provider("keycloak");
    let body =
        r#"{"error":"invalid_grant","error_description":"Maximum allowed refresh token reuse exceeded"}"#;
    let reported = failure(&keycloak, Stage::RefreshToken, 400, body);
    let rows = [
        (History::default(), Cause::RotatedTokenReused, Certainty::Certain),
        (
            History { concurrent_attempts: Some(1), ..History::default() },
            Cause::ConcurrentRefreshRace,
            Certainty::Likely,
        ),
        (
            History { newest_token_persisted: Some(false), ..History::default() },
            Cause::LostRotationNotPersisted,
            Certainty::Likely,
        ),
    ];
    for (history, cause, certainty) in rows {
        let diagnosis = diagnose(&reported, &history, &keycloak);
        assert_eq!((diagnosis.cause, diagnosis.certainty), (cause, certainty));
    }
    let latest = History { sent_token_is_latest: Some(true), ..History::default() };
    let evidence = diagnose(&reported, &latest, &keycloak).evidence;
    assert!(
        evidence.iter().any(|sentence| sentence.contains("so somebody else holds the grant")),
        "{evidence:?}"
    );
    let overtaken_attempt = after(PreviousOutcome::Timeout).previous_attempt;
    let overtaken = History { overtaken_attempt, ..latest };
    let evidence = diagnose(&reported, &overtaken, &keycloak).evidence;
    assert!(evidence.iter().any(|sentence| sentence.contains("or somebody else")), "{evidence:?}");
}

#[test]
fn our_records_of_a_refused_refresh_name_the_cause() {
    let generic = provider("generic");
    let none = History::default;
    let rows = [
        (History { sent_token_is_latest: Some(false), ..none() }, Cause::RotatedTokenReused),
        (History { newest_token_persisted: Some(false), ..none() }, Cause::LostRotationNotPersisted),
        (History { concurrent_attempts: Some(2), ..none() }, Cause::ConcurrentRefreshRace),
        (History { client_matches_grant: Some(false), ..none() }, Cause::TokenIssuedToOtherClient),
        (
            History { idle: days(61), announced_refresh_lifetime: days(60), ..none() },
            Cause::RefreshTokenExpiredIdle,
        ),
        (
            History { authorization_age: days(366), announced_authorization_lifetime: days(365), ..none() },
            Cause::RefreshTokenExpiredAbsolute,
        ),
        (History { idle: days(59), announced_refresh_lifetime: days(60), ..none() }, Cause::Undetermined),
        (none(), Cause::Undetermined),
    ];
    for (history, cause) in rows {
        assert_eq!(refused(&generic, &history).cause, cause, "{history:?}");
    }
}

#[test]
fn the_catalogue_knows_lifetimes_that_no_response_tells() {
    let idle = History { idle: days(181), ..History::default() };
    assert_eq!(refused(&provider("google"), &idle).cause, Cause::RefreshTokenExpiredIdle);
    let old = History { authorization_age: days(365), ..History::default() };
    assert_eq!(refused(&provider("atlassian"), &old).cause, Cause::RefreshTokenExpiredAbsolute);
}

#[test]
fn seven_days_at_google_are_testing_mode() {
    let google = provider("google");
    let week = History { authorization_age: days(7), ..History::default() };
    let diagnosis = refused(&google, &week);
    assert_eq!((diagnosis.cause, diagnosis.certainty), (Cause::AppInTestingMode, Certainty::Likely));
    let known = History { app_in_testing: Some(true), authorization_age: days(12), ..History::default() };
    assert_eq!(refused(&google, &known).certainty, Certainty::Certain);
    let published = History { app_in_testing: Some(false), ..week };
    assert_eq!(refused(&google, &published).cause, Cause::Undetermined);
    let later = History { authorization_age: days(30), ..History::default() };
    assert_eq!(refused(&google, &later).cause, Cause::Undetermined);
}

#[test]
fn a_rejected_client_is_told_apart_by_what_worked_before() {
    let none = History::default;
    let rows = [
        (none(), Cause::WrongClientCredentials),
        (History { client_worked_before: Some(true), ..none() }, Cause::ClientSecretExpiredOrRotated),
        (
            History { client_worked_before: Some(true), client_changed_recently: Some(true), ..none() },
            Cause::WrongClientCredentials,
        ),
        (
            History {
                other_grants: Some(OtherGrants::NoneFailing),
                client_worked_before: Some(true),
                ..none()
            },
            Cause::AppDisabledByOrganization,
        ),
        (
            History {
                other_grants: Some(OtherGrants::AllFailing),
                client_worked_before: Some(true),
                ..none()
            },
            Cause::ClientSecretExpiredOrRotated,
        ),
    ];
    for (history, cause) in rows {
        let diagnosis = at(Stage::RefreshToken, 401, r#"{"error":"invalid_client"}"#, &history);
        assert_eq!(diagnosis.cause, cause, "{history:?}");
        assert!(diagnosis.permanent && !diagnosis.retry);
    }
}

#[test]
fn what_passes_is_never_permanent() {
    let rows = [
        (429, "", Cause::RateLimited),
        (500, "", Cause::ProviderOutage),
        (503, "", Cause::ProviderOutage),
        (400, r#"{"error":"server_error"}"#, Cause::ProviderOutage),
        (403, "<html>", Cause::IpOrNetworkPolicyBlocked),
        (404, "<html>", Cause::WrongTokenEndpointOrTenant),
        (407, "", Cause::IpOrNetworkPolicyBlocked),
        (200, "<html>", Cause::ProviderOutage),
        (400, r#"{"error":"strange"}"#, Cause::ProviderOutage),
    ];
    for (status, body, cause) in rows {
        let diagnosis = at(Stage::RefreshToken, status, body, &History::default());
        assert_eq!(diagnosis.cause, cause, "{status} {body}");
        assert!(diagnosis.retry && !diagnosis.permanent, "{status} {body}");
    }
}

#[test]
fn a_broken_connection_tells_whether_the_token_is_in_doubt() {
    let diagnosis = |kind, request_sent| {
        let transport = TransportFailure { kind, request_sent, detail: "connection refused".into() };
        let provider = provider("generic");
        let exchange = Exchange {
            stage: Stage::RefreshToken,
            result: Err(&transport),
            dialect: &provider.dialect,
            now: Timestamp(0),
            secrets: &[],
        };
        let Verdict::Failure(failure) = classify(&exchange) else { panic!() };
        diagnose(&failure, &History::default(), &provider)
    };
    let refused = diagnosis(TransportFailureKind::Connect, RequestSent::No);
    assert_eq!((refused.cause, refused.certainty), (Cause::NetworkOrTls, Certainty::Certain));
    assert_eq!(refused.evidence[0], "Connection refused.");
    let lost = diagnosis(TransportFailureKind::Reset, RequestSent::Maybe);
    assert_eq!((lost.cause, lost.certainty), (Cause::NetworkOrTls, Certainty::Likely));
}

#[test]
fn the_standard_codes_speak_for_themselves() {
    use Stage::{AuthorizationCode, DeviceCode, RefreshToken};
    let rows = [
        (RefreshToken, "interaction_required", Cause::MfaOrConditionalAccessRequired),
        (RefreshToken, "login_required", Cause::SessionTimedOut),
        (RefreshToken, "consent_required", Cause::ConsentRequired),
        (RefreshToken, "invalid_scope", Cause::ScopeProblem),
        (RefreshToken, "invalid_request", Cause::MalformedRequest),
        (RefreshToken, "unauthorized_client", Cause::ClientDisabledOrDeleted),
        (DeviceCode, "authorization_pending", Cause::AuthorizationPending),
        (DeviceCode, "slow_down", Cause::RateLimited),
        (DeviceCode, "expired_token", Cause::CodeExpired),
        (DeviceCode, "access_denied", Cause::ConsentRequired),
        (AuthorizationCode, "invalid_scope", Cause::ScopeProblem),
        (AuthorizationCode, "invalid_grant", Cause::Undetermined),
    ];
    for (stage, code, cause) in rows {
        let diagnosis = at(stage, 400, &format!(r#"{{"error":"{code}"}}"#), &History::default());
        assert_eq!(diagnosis.cause, cause, "{stage:?} {code}");
    }
}

#[test]
fn a_refused_code_is_told_apart_by_our_records_and_then_by_the_text() {
    let none = History::default;
    let rows = [
        (History { code_sent_before: Some(true), ..none() }, "", Cause::CodeReused),
        (History { code_age: Some(Duration::from_secs(601)), ..none() }, "", Cause::CodeExpired),
        (History { verifier_matches: Some(false), ..none() }, "", Cause::PkceMismatch),
        (History { redirect_uri_matches: Some(false), ..none() }, "", Cause::RedirectUriMismatch),
        (none(), "Code already used", Cause::CodeReused),
        (none(), "PKCE verification failed", Cause::PkceMismatch),
        (none(), "redirect_uri did not match", Cause::RedirectUriMismatch),
        (none(), "the code has expired", Cause::CodeExpired),
    ];
    for (history, description, cause) in rows {
        let body = format!(r#"{{"error":"invalid_grant","error_description":"{description}"}}"#);
        assert_eq!(
            at(Stage::AuthorizationCode, 400, &body, &history).cause,
            cause,
            "{description} {history:?}"
        );
    }
}

#[test]
fn a_wrong_clock_is_blamed_only_where_the_provider_speaks_of_time() {
    let ahead = History { clock_offset_seconds: Some(900), ..History::default() };
    let body =
        r#"{"error":"invalid_grant","error_description":"token used too early, issued in the future"}"#;
    let diagnosis = at(Stage::RefreshToken, 400, body, &ahead);
    assert_eq!(diagnosis.cause, Cause::ClockSkew);
    assert!(diagnosis.evidence[1].contains("15 minutes ahead of"), "{:?}", diagnosis.evidence);
    let unmeasured = at(Stage::RefreshToken, 400, body, &History::default());
    assert_eq!((unmeasured.cause, unmeasured.certainty), (Cause::ClockSkew, Certainty::Likely));
    assert_eq!(
        at(Stage::RefreshToken, 400, r#"{"error":"invalid_grant"}"#, &ahead).cause,
        Cause::Undetermined
    );
}

#[test]
fn a_cause_that_recurs_is_not_cured_by_signing_in_again() {
    let death = |day| PastDeath { cause: Cause::RefreshTokenExpiredIdle, after_consent: days(day).unwrap() };
    let history = History { idle: days(200), past_deaths: vec![death(60), death(61)], ..History::default() };
    let diagnosis = refused(&provider("google"), &history);
    assert_ne!(diagnosis.remedies[0].action, Action::Reauthorize);
    assert!(diagnosis.remedies.iter().any(|remedy| remedy.action == Action::Reauthorize));
    let last = diagnosis.evidence.last().unwrap();
    assert_eq!(last, "This grant ended this way 3 times, always about 61 days after the consent.");
}

#[test]
fn what_a_user_decides_again_is_no_defect_unless_it_comes_like_clockwork() {
    let google = provider("google");
    let died = |after: &[u64]| {
        let death = |day: &u64| PastDeath { cause: Cause::Undetermined, after_consent: days(*day).unwrap() };
        History { past_deaths: after.iter().map(death).collect(), ..History::default() }
    };
    let twice = refused(&google, &died(&[3]));
    assert_eq!((twice.cause, twice.remedies[0].action), (Cause::Undetermined, Action::Reauthorize));
    let clockwork = refused(&google, &died(&[30, 30, 31]));
    assert_eq!(clockwork.remedies[0].action, Action::FixCode);
    let last = clockwork.evidence.last().unwrap();
    assert_eq!(last, "This grant ended this way 4 times, always about 31 days after the consent.");
}

fn among(refused: u32, refreshed: u32) -> History {
    let neighbours = Neighbours { refused, refreshed, within: Duration::from_secs(420) };
    History { neighbours: Some(neighbours), other_grants: neighbours.verdict(), ..History::default() }
}

#[test]
fn a_refusal_that_many_grants_meet_is_no_single_user_and_the_operator_looks_first() {
    let diagnosis = refused(&provider("generic"), &among(3, 0));
    assert_eq!(diagnosis.cause, Cause::Undetermined);
    assert_eq!(diagnosis.alternatives[0], Cause::AdminOrPolicyRevoked);
    assert!(diagnosis.alternatives.contains(&Cause::UserRevoked), "several users at once are not unheard of");
    let first = diagnosis.remedies[0];
    assert_eq!((first.action, first.actor), (Action::FixClientConfig, Actor::Operator));
    let last = diagnosis.evidence.last().unwrap();
    assert_eq!(
        last,
        "3 other grants of this client were refused within the last 7 minutes, and none refreshed since."
    );
}

#[test]
fn a_refusal_that_no_other_grant_meets_clears_the_registration() {
    let diagnosis = refused(&provider("generic"), &among(0, 1));
    assert_eq!(diagnosis.alternatives[0], Cause::UserRevoked);
    assert_eq!(diagnosis.remedies[0].action, Action::Reauthorize);
    let last = diagnosis.evidence.last().unwrap();
    assert_eq!(
        last,
        "One other grant of this client was refreshed within the last 7 minutes: its registration works."
    );
}

#[test]
fn what_the_provider_says_for_sure_outranks_the_neighbours() {
    let body = r#"{"error":"invalid_grant","error_description":"AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password."}"#;
    let entra = provider("microsoft");
    let alone = diagnose(&failure(&entra, Stage::RefreshToken, 400, body), &History::default(), &entra);
    let among = diagnose(&failure(&entra, Stage::RefreshToken, 400, body), &among(5, 0), &entra);
    assert_eq!((among.cause, among.certainty), (alone.cause, alone.certainty));
}

#[test]
fn a_rejection_while_others_are_served_is_one_of_an_organization() {
    let diagnosis = at(Stage::RefreshToken, 401, r#"{"error":"invalid_client"}"#, &among(0, 2));
    assert_eq!(diagnosis.cause, Cause::AppDisabledByOrganization);
    let last = diagnosis.evidence.last().unwrap();
    assert!(last.starts_with("2 other grants of this client were refreshed"), "{last}");
}

#[test]
fn evidence_holds_no_secret_and_no_control_character() {
    let body = r#"{"error":"invalid_grant","error_description":"token Abcdef0123456789abcdef of ada@example.com \u001b[31m"}"#;
    let evidence = at(Stage::RefreshToken, 400, body, &History::default()).evidence.concat();
    assert!(
        !evidence.contains("Abcdef") && !evidence.contains("ada@") && !evidence.contains('\u{1b}'),
        "{evidence}"
    );
}

#[test]
fn every_cause_has_a_remedy_and_a_bounded_number_of_alternatives_stand_beside_it() {
    for cause in Cause::all() {
        assert!(!remedies(cause).is_empty(), "{cause}");
    }
    let diagnosis = refused(&provider("google"), &History::default());
    assert_eq!(diagnosis.alternatives.len(), MAX_ALTERNATIVES);
    assert!(diagnosis.alternatives.contains(&Cause::TokenLimitExceeded));
}

#[test]
fn where_a_replay_ends_the_grant_a_second_holder_is_among_the_candidates() {
    let silent = refused(&provider("oidc-provider"), &History::default());
    assert_eq!(silent.cause, Cause::Undetermined);
    assert!(silent.alternatives.contains(&Cause::RotatedTokenReused), "{silent:?}");
    let reusable = refused(&provider("google"), &History::default());
    assert!(!reusable.alternatives.contains(&Cause::RotatedTokenReused), "{reusable:?}");
}

#[test]
fn a_diagnosis_survives_being_stored() {
    let diagnosis = refused(&provider("oidc-provider"), &after(PreviousOutcome::Timeout));
    let json = serde_json::to_string(&diagnosis).unwrap();
    assert_eq!(serde_json::from_str::<Diagnosis>(&json).unwrap(), diagnosis);
}

#[test]
fn an_overtaken_request_explains_a_death_where_a_replay_ends_the_grant() {
    let overtaken =
        PreviousAttempt { outcome: PreviousOutcome::Timeout, age: Some(Duration::from_secs(3600)) };
    let history = History {
        overtaken_attempt: Some(overtaken),
        sent_token_is_latest: Some(true),
        refresh_token_present: Some(true),
        ..History::default()
    };
    let strict = refused(&provider("oidc-provider"), &history);
    assert_eq!((strict.cause, strict.certainty), (Cause::RotatedTokenReused, Certainty::Possible));
    assert!(strict.alternatives.contains(&Cause::UserRevoked), "{strict:?}");
    assert!(strict.evidence[1].contains("60 minutes ago"), "{:?}", strict.evidence);
    let reusable = refused(&provider("google"), &history);
    assert_eq!(reusable.cause, Cause::Undetermined);
    let lost = History { previous_attempt: Some(overtaken), ..history };
    assert_eq!(refused(&provider("oidc-provider"), &lost).cause, Cause::LostRotationNotPersisted);
}

/// The first three are what people are told: what the words hint at and what has run out is among them.
#[test]
fn what_was_lost_maybe_leaves_room_for_what_the_words_hint_at_and_for_what_has_run_out() {
    use Cause::{LostRotationNotPersisted, RefreshTokenExpiredIdle, TokenLimitExceeded, UserRevoked};
    let strict = provider("oidc-provider");
    let said = r#"{"error":"invalid_grant","error_description":"token limit exceeded"}"#;
    let limited = failure(&strict, Stage::RefreshToken, 400, said);
    let unknown = after(PreviousOutcome::Timeout);
    let diagnosis = diagnose(&limited, &unknown, &strict);
    assert_eq!(diagnosis.cause, LostRotationNotPersisted);
    assert_eq!(diagnosis.alternatives[..2], [TokenLimitExceeded, UserRevoked]);

    let unused = |since: u64| History {
        since_last_success: days(since),
        announced_refresh_lifetime: days(60),
        ..after(PreviousOutcome::Timeout)
    };
    assert_eq!(refused(&strict, &unused(61)).alternatives[0], RefreshTokenExpiredIdle);
    assert_ne!(refused(&strict, &unused(50)).alternatives[0], RefreshTokenExpiredIdle);
    // A backup does not know of the latest use.
    let restored = History { store_restored: Some(true), idle: days(61), ..unused(61) };
    let diagnosis = refused(&strict, &History { previous_attempt: None, ..restored });
    assert_eq!(diagnosis.cause, LostRotationNotPersisted);
    assert_eq!(diagnosis.alternatives[0], RefreshTokenExpiredIdle);
}

#[test]
fn a_token_that_was_used_in_time_did_not_end_unused() {
    let google = provider("google");
    let used = |ago: u64| History { idle: days(ago), since_last_success: days(ago), ..History::default() };
    let among_three = |history: &History| {
        refused(&google, history).alternatives[..3].contains(&Cause::RefreshTokenExpiredIdle)
    };
    assert!(!among_three(&used(20)));
    assert_eq!(refused(&google, &used(181)).cause, Cause::RefreshTokenExpiredIdle);
    // A request that got no answer may have been a use, or not.
    let maybe = History { idle: days(1), ..used(181) };
    assert_eq!(refused(&google, &maybe).cause, Cause::Undetermined);
    assert!(among_three(&maybe));
    // After a long outage all grants have ended so.
    let all = History { other_grants: Some(OtherGrants::AllFailing), ..maybe };
    assert!(among_three(&all));
}

/// What a window repeats may have been used before the restore, whether or not a replay ends the grant.
#[test]
fn what_a_backup_has_forgotten_may_have_spent_the_token_wherever_tokens_rotate() {
    let forgotten = PreviousAttempt { outcome: PreviousOutcome::NotInBackup, age: None };
    let history = History { overtaken_attempt: Some(forgotten), ..History::default() };
    let mut lenient = provider("generic");
    lenient.rotation.kind = RotationKind::GraceSame;
    lenient.rotation.revokes = crate::provider::ReplayRevokes::Nothing;
    assert_eq!(refused(&lenient, &history).cause, Cause::LostRotationNotPersisted);
    assert_eq!(refused(&provider("google"), &history).cause, Cause::Undetermined);
}

#[test]
fn a_signature_of_refresh_tokens_says_nothing_of_codes() {
    let catalogue_cause = |stage| {
        let mut failure = failure(&provider("box"), stage, 400, r#"{"error":"invalid_grant"}"#);
        failure.catalogue = Some(crate::failure::CatalogueCause {
            cause: Cause::RefreshTokenExpiredIdle,
            certainty: Certainty::Certain,
        });
        diagnose(&failure, &History::default(), &provider("box")).cause
    };
    assert_eq!(catalogue_cause(Stage::RefreshToken), Cause::RefreshTokenExpiredIdle);
    assert_eq!(catalogue_cause(Stage::AuthorizationCode), Cause::Undetermined);
    assert_eq!(catalogue_cause(Stage::ApiCall), Cause::AccessTokenExpired);
}

#[test]
fn a_text_that_the_tokens_age_contradicts_is_not_believed() {
    let young = History { refresh_token_age: days(1), ..History::default() };
    let body = r#"{"error":"invalid_grant","error_description":"The refresh token has expired"}"#;
    let xero = provider("xero");
    let diagnosis = diagnose(&failure(&xero, Stage::RefreshToken, 400, body), &young, &xero);
    assert_eq!(diagnosis.cause, Cause::RotatedTokenReused, "{diagnosis:?}");
    let old = History { refresh_token_age: days(61), ..History::default() };
    let diagnosis = diagnose(&failure(&xero, Stage::RefreshToken, 400, body), &old, &xero);
    assert_eq!(diagnosis.cause, Cause::RefreshTokenExpiredIdle);
}

#[test]
fn entras_numbers_speak_where_the_catalogue_is_silent() {
    let rows = [
        (Stage::AuthorizationCode, "AADSTS54005: redeemed", Cause::CodeReused),
        (Stage::AuthorizationCode, "AADSTS70008: expired", Cause::CodeExpired),
        (Stage::RefreshToken, "AADSTS70008: expired", Cause::RefreshTokenExpiredIdle),
        (Stage::ClientCredentials, "AADSTS90002: Tenant not found", Cause::WrongTokenEndpointOrTenant),
        (Stage::Password, "AADSTS50034: no such user", Cause::WrongUserCredentials),
        (Stage::AuthorizationCode, "AADSTS70002: Error. AADSTS50011: reply", Cause::RedirectUriMismatch),
    ];
    for (stage, text, cause) in rows {
        let body = format!(r#"{{"error":"invalid_grant","error_description":"{text}"}}"#);
        assert_eq!(at(stage, 400, &body, &History::default()).cause, cause, "{text}");
    }
}
