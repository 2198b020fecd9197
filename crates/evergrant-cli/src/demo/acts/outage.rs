//! The token endpoint is down for a while.

use std::time::Duration;

use evergrant::proto::{grant::GrantState, name::GrantId};
use evergrant_rehearse::{Action, Endpoint, Fault};

use crate::{
    demo::{
        count,
        narrator::Narrator,
        stage::{STRICT, Stage},
    },
    failure::Failure,
};

const STEP: Duration = Duration::from_secs(10);
/// The outage begins so long before the access token's end, ahead of the refresh that is due,
const BEFORE_EXPIRY: Duration = Duration::from_secs(20 * 60);
/// and lasts nearly until then.
const OUTAGE: Duration = Duration::from_secs(19 * 60);
/// No pause between two tries is longer.
const RECOVERY: Duration = Duration::from_secs(30 * 60);
/// More would be hammering.
const MOST_REQUESTS: usize = 20;

pub(super) async fn play(stage: &Stage, narrator: &mut Narrator, grant: GrantId) -> Result<(), Failure> {
    approach(stage, grant).await?;
    narrator.act(3, "The provider goes down", stage.elapsed()).await;
    narrator
        .tell(&format!(
            "For {} minutes its token endpoint answers 503, while the next refresh falls due. A caller asks every {} seconds.",
            OUTAGE.as_secs() / 60,
            STEP.as_secs(),
        ))
        .await;
    let before = stage.refreshes(STRICT).len();
    let fault = Fault::before(Action::status(503)).at(Endpoint::Token).always();
    let fault = stage.rehearsal.add_fault(fault).map_err(|error| Failure::new("no outage", error))?;
    let (asked, served) = ask(stage, grant).await;
    let requests = stage.refreshes(STRICT).len() - before;
    narrator
        .claim(
            asked == served && asked > 0,
            "every caller got the current token, for it was still good",
            &format!("{served} of {asked} calls served"),
        )
        .await?;
    narrator
        .claim(
            (1..=MOST_REQUESTS).contains(&requests),
            &format!("the provider was asked {} in all that time", times(requests)),
            "503 means not processed, so a repetition is harmless: further apart each time, with jitter",
        )
        .await?;
    stage.rehearsal.remove_fault(fault);
    recover(stage, narrator, grant).await
}

/// Lets time pass until the outage shall begin.
async fn approach(stage: &Stage, grant: GrantId) -> Result<(), Failure> {
    let token =
        stage.keeper.token(grant).await.map_err(|error| Failure::new("there is no access token", error))?;
    let end = token.expires_at().ok_or_else(|| Failure::new("the access token is odd", "it has no end"))?;
    let until = end.minus(BEFORE_EXPIRY).since(stage.now());
    stage.pass(until).await;
    Ok(())
}

/// A caller that asks every few seconds: how often it did, and how often it got a token.
async fn ask(stage: &Stage, grant: GrantId) -> (usize, usize) {
    let end = stage.now().plus(OUTAGE);
    let (mut asked, mut served) = (0, 0);
    while stage.now() < end {
        stage.pass(STEP).await;
        asked += 1;
        served += usize::from(stage.keeper.token(grant).await.is_ok());
    }
    (asked, served)
}

/// Nobody asks: the grant comes back by itself.
async fn recover(stage: &Stage, narrator: &mut Narrator, grant: GrantId) -> Result<(), Failure> {
    let (over, generation) = (stage.now(), stage.record(grant).await?.generation);
    let back = async || {
        let record = stage.record(grant).await?;
        Ok(record.state == GrantState::Active && record.generation > generation)
    };
    let recovered = stage.pass_until(STEP, RECOVERY, back).await?;
    let after = stage.now().since(over);
    narrator
        .claim(
            recovered,
            "when the provider is back, the grant recovers by itself",
            &format!("refreshed {} s later; nobody had asked, nobody had to act", after.as_secs()),
        )
        .await
}

fn times(number: usize) -> String {
    count(number, "time")
}
