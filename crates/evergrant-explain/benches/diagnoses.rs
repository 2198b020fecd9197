//! How many failures are diagnosed in a second on one core: bodies as providers send them, read, judged and explained.

use std::{hint::black_box, time::Instant};

use evergrant_proto::{
    diagnosis::{History, PreviousAttempt, PreviousOutcome, diagnose},
    failure::{Exchange, Failure, Stage, Verdict, classify},
    provider::{Catalogue, Provider},
    time::Timestamp,
    wire::http::HttpResponse,
};

/// What the issue asks for, in diagnoses a second on one core.
const REQUIRED: f64 = 200_000.0;

/// Diagnoses of one run.
const DIAGNOSES: usize = 200_000;

/// Runs; the median counts.
const RUNS: usize = 7;

/// Provider, stage, status, body: the plain and the wordy, what a signature decides and what only the words do.
const BODIES: [(&str, Stage, u16, &str); 8] = [
    (
        "google",
        Stage::RefreshToken,
        400,
        r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
    ),
    (
        "microsoft",
        Stage::RefreshToken,
        400,
        r#"{"error":"invalid_grant","error_description":"AADSTS700082: The refresh token has expired due to inactivity. The token was issued on 2023-04-20T18:48:41.6655773Z and was inactive for 90.00:00:00.\r\nTrace ID: 1\r\nCorrelation ID: 2\r\nTimestamp: 2023-09-01 10:00:00Z","error_codes":[700082]}"#,
    ),
    (
        "keycloak",
        Stage::RefreshToken,
        400,
        r#"{"error":"invalid_grant","error_description":"Maximum allowed refresh token reuse exceeded"}"#,
    ),
    ("slack", Stage::RefreshToken, 200, r#"{"ok":false,"error":"invalid_refresh_token"}"#),
    (
        "generic",
        Stage::AuthorizationCode,
        400,
        r#"{"error":"invalid_grant","error_description":"The authorization code has already been redeemed by this client"}"#,
    ),
    (
        "generic",
        Stage::RefreshToken,
        401,
        r#"{"error":"invalid_client","error_description":"Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method)"}"#,
    ),
    ("xero", Stage::RefreshToken, 400, r#"{"error":"invalid_grant"}"#),
    (
        "generic",
        Stage::RefreshToken,
        503,
        "<html><head><title>503 Service Temporarily Unavailable</title></head></html>",
    ),
];

struct Sample<'a> {
    provider: &'a Provider,
    stage: Stage,
    response: HttpResponse,
    history: History,
}

impl Sample<'_> {
    fn failure(&self) -> Option<Failure> {
        let verdict = classify(&Exchange {
            stage: self.stage,
            result: Ok(&self.response),
            dialect: &self.provider.dialect,
            now: Timestamp::from_seconds(1_795_222_891),
            secrets: &["a-refresh-token-of-forty-characters-abcd"],
        });
        match verdict {
            Verdict::Failure(failure) => Some(failure),
            Verdict::Success(_) | Verdict::Salvaged { .. } => None,
        }
    }
}

fn main() {
    let catalogue = Catalogue::builtin();
    let samples: Vec<Sample<'_>> = BODIES.iter().map(|body| sample(&catalogue, *body)).collect();
    let failures: Vec<(usize, Failure)> =
        samples.iter().enumerate().filter_map(|(index, sample)| Some((index, sample.failure()?))).collect();
    assert_eq!(failures.len(), samples.len(), "every sample is a failure");
    let diagnosed = median(|turn| {
        let (index, failure) = &failures[turn % failures.len()];
        let sample = &samples[*index];
        black_box(diagnose(failure, &sample.history, sample.provider));
    });
    let whole = median(|turn| {
        let sample = &samples[turn % samples.len()];
        let failure = sample.failure().expect("a sample is a failure");
        black_box(diagnose(&failure, &sample.history, sample.provider));
    });
    print("diagnoses", diagnosed, 1.0);
    print("diagnoses_with_reading", whole, 1.0);
}

fn sample<'a>(catalogue: &'a Catalogue, (id, stage, status, body): (&str, Stage, u16, &str)) -> Sample<'a> {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let previous = PreviousAttempt { outcome: PreviousOutcome::Success, age: None };
    Sample {
        provider: catalogue.provider(id).expect("the catalogue has the samples' providers"),
        stage,
        response: HttpResponse { status, headers, body: body.as_bytes().to_vec().into() },
        history: History { previous_attempt: Some(previous), ..History::default() },
    }
}

/// How many a second, by the median of the runs.
fn median(mut once: impl FnMut(usize)) -> f64 {
    let mut rates: Vec<f64> = (0..=RUNS)
        .map(|_| {
            let start = instant();
            (0..DIAGNOSES).for_each(&mut once);
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let count = DIAGNOSES as f64;
            count / start.elapsed().as_secs_f64()
        })
        // The first only warms up.
        .skip(1)
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[RUNS / 2]
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, and this is where it reads it"
)]
fn instant() -> Instant {
    Instant::now()
}

/// One line for `cargo xtask bench`: the ratio is the rate to the one that is required.
fn print(name: &str, rate: f64, bound: f64) {
    println!(
        "BENCH name={name} ratio={:.3} bound={bound} direction=min unit=x detail={rate:.0} a second on one core, {REQUIRED:.0} required",
        rate / REQUIRED
    );
}
