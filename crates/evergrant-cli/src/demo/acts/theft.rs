//! A copy of the store leaks, and somebody uses the refresh token in it.

use std::time::Duration;

use evergrant::{
    SendError, TokenError,
    proto::{
        diagnosis::{Cause, Certainty, Diagnosis},
        engine::Refusal,
        name::GrantId,
        remedy_rates::Rates,
    },
};
use evergrant_rehearse::RevocationCause;
use serde_json::Value;
use url::Url;

use super::rotation::Backup;
use crate::{
    demo::{
        count,
        narrator::{Ink, Narrator},
        short,
        stage::{STRICT, Stage},
    },
    failure::Failure,
    output::diagnosis,
};

const MANY: usize = 1000;
const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

/// Kills the grant; answers with the link that repairs it.
pub(super) async fn play(
    stage: &Stage,
    narrator: &mut Narrator,
    grant: GrantId,
    backup: Backup,
) -> Result<Url, Failure> {
    narrator.act(5, "Somebody uses a stolen token", stage.elapsed()).await;
    narrator
        .tell(&format!(
            "A backup of the store has leaked together with its key. It holds the refresh token of generation {}, long \
             spent. The thief presents it, and the provider ends the whole grant.",
            backup.generation,
        ))
        .await;
    steal(stage, narrator, backup).await?;
    let diagnosis = find_out(stage, narrator, grant).await?;
    explain(narrator, &diagnosis).await?;
    leave_alone(stage, narrator, grant).await?;
    ask_the_api(stage, narrator, grant).await
}

async fn steal(stage: &Stage, narrator: &mut Narrator, backup: Backup) -> Result<(), Failure> {
    let answer = stage.browser.send(backup.refresh).await?;
    let journal = stage.refreshes(STRICT);
    let entry = journal.last().filter(|entry| {
        let replayed = |revocation: &evergrant_rehearse::Revocation| {
            revocation.cause == RevocationCause::ReplayedRefreshToken
        };
        entry.revoked.iter().any(replayed)
    });
    let token = entry.and_then(|entry| entry.presented.as_ref()).map_or("", |token| token.as_str());
    narrator
        .claim(
            answer.status == 400 && entry.is_some(),
            "the provider refuses the thief and revokes the family",
            &format!("token {} presented for the second time: HTTP {}", short(token), answer.status),
        )
        .await
}

/// The next call of the API meets a token that no longer works.
async fn find_out(stage: &Stage, narrator: &mut Narrator, grant: GrantId) -> Result<Diagnosis, Failure> {
    let before = stage.refreshes(STRICT).len();
    let end = stage.userinfo(grant).await;
    let requests = stage.refreshes(STRICT).len() - before;
    let Err(SendError::Token(TokenError::Refused(refusal))) = end else {
        return Err(Failure::new("the grant is dead, and it was not noticed", format!("{end:?}")));
    };
    let Refusal::NeedsReauthorization(diagnosis) = *refusal else {
        return Err(Failure::new("the grant is dead, and Evergrant says something else", refusal));
    };
    narrator
        .claim(
            requests == 1,
            "the next API call notices: 401, one refresh, refused for good",
            "and Evergrant says why, as `evergrant token` and every 409 do:",
        )
        .await?;
    Ok(*diagnosis)
}

/// Shows the diagnosis, and checks that it is the true one.
async fn explain(narrator: &mut Narrator, found: &Diagnosis) -> Result<(), Failure> {
    narrator.gap();
    let described = diagnosis::describe(found, &Rates::default());
    for (index, line) in described.lines().enumerate() {
        let line = line.strip_prefix("  ").unwrap_or(line);
        let (label, value) = line.split_at_checked(10).unwrap_or(("", line));
        let ink = if index == 0 { Ink::Bad } else { Ink::Plain };
        narrator.pair(label.trim_end(), ink, value.trim()).await;
    }
    narrator
        .pair("never", Ink::Plain, "trying again, waiting, or a new client secret: this token is dead")
        .await;
    narrator.gap();
    narrator
        .claim(
            found.cause == Cause::RotatedTokenReused && found.certainty == Certainty::Certain,
            "the cause is named, and it is the true one",
            "Evergrant knows that its own token was the newest: somebody else holds a copy",
        )
        .await
}

/// However often anybody asks, the provider hears nothing of it.
async fn leave_alone(stage: &Stage, narrator: &mut Narrator, grant: GrantId) -> Result<(), Failure> {
    let before = stage.refreshes(STRICT).len();
    let mut refused = 0;
    for _ in 0..MANY {
        refused += usize::from(stage.keeper.token(grant).await.is_err());
    }
    let end = stage.now().plus(DAY);
    while stage.now() < end {
        stage.pass(HOUR).await;
    }
    let requests = stage.refreshes(STRICT).len() - before;
    narrator
        .claim(
            refused == MANY && requests == 0,
            "a dead grant costs the provider nothing",
            &format!("asked {MANY} times and a day gone by: {}", count(requests, "request")),
        )
        .await
}

/// What a program gets that wants a token now.
async fn ask_the_api(stage: &Stage, narrator: &mut Narrator, grant: GrantId) -> Result<Url, Failure> {
    let (status, problem) = stage.call(&format!("/v1/grants/{grant}/token"), None).await?;
    let link = problem["reauthorize_url"].as_str().and_then(|link| Url::parse(link).ok());
    let cause = problem["diagnosis"]["cause"].as_str().unwrap_or("none");
    let seen = format!(
        "HTTP {status}, cause {cause}, reauthorize_url: {}",
        if link.is_some() { "yes" } else { "no" }
    );
    narrator
        .claim(
            status == 409 && problem["diagnosis"] != Value::Null && link.is_some(),
            "a program that asks gets the cause, the evidence and a link",
            &seen,
        )
        .await?;
    link.ok_or_else(|| Failure::new("there is no link", seen))
}
