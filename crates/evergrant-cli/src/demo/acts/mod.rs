//! The story, act by act.

mod connect;
mod lost_answer;
mod outage;
mod repair;
mod rotation;
mod theft;

use std::collections::HashSet;

use evergrant::proto::name::GrantId;
use evergrant_rehearse::JournalEntry;

use super::{
    count,
    narrator::{Narrator, hours},
    stage::{LENIENT, STRICT, Stage},
};
use crate::failure::Failure;

/// Plays everything; answers with the grant that it was about. With `attended` somebody is there to click on links.
pub(super) async fn play(stage: &Stage, narrator: &mut Narrator, attended: bool) -> Result<GrantId, Failure> {
    narrator.title("evergrant demo", "a grant, kept alive, broken, explained, repaired");
    narrator.verbatim("provider", &format!("{}  (rehearsal: fails on demand)", stage.rehearsal.issuer()));
    narrator.verbatim(
        "evergrant",
        &format!("{}  (its store is in a temporary folder)", stage.server.as_str().trim_end_matches('/')),
    );
    narrator.verbatim("clock", "one for both; it jumps, so that hours take no time");

    let grant = connect::play(stage, narrator).await?;
    let stolen = rotation::play(stage, narrator, grant).await?;
    outage::play(stage, narrator, grant).await?;
    lost_answer::play(stage, narrator).await?;
    let link = theft::play(stage, narrator, grant, stolen).await?;
    repair::play(stage, narrator, grant, link, attended).await?;
    conclude(stage, narrator).await?;
    Ok(grant)
}

/// The provider's journal judges the whole story.
async fn conclude(stage: &Stage, narrator: &mut Narrator) -> Result<(), Failure> {
    let (strict, lenient) = (stage.refreshes(STRICT), stage.refreshes(LENIENT));
    let requests = count(strict.len() + lenient.len(), "refresh request");
    narrator.gap();
    narrator
        .claim(
            replays(&strict) == 1 && replays(&lenient) == 1,
            "the provider's journal agrees with all of it",
            &format!(
                "{requests} in {} hours of its time. Only the thief used a spent token; Evergrant repeated one \
                 request, inside the window that allows it.",
                hours(stage.elapsed()),
            ),
        )
        .await?;
    narrator.gap();
    let claims = count(narrator.claims(), "claim");
    narrator.verdict(&format!("{claims}, each checked before it was printed: all of them hold."));
    Ok(())
}

/// Requests with a refresh token that had been exchanged for another one before.
fn replays(journal: &[JournalEntry]) -> usize {
    let mut spent = HashSet::new();
    let mut replays = 0;
    for entry in journal {
        let Some(presented) = &entry.presented else { continue };
        replays += usize::from(spent.contains(presented));
        if entry.issued.is_some() {
            spent.insert(presented);
        }
    }
    replays
}

/// Reads an id out of an answer of the API.
fn grant_id(value: &serde_json::Value) -> Result<GrantId, Failure> {
    serde_json::from_value(value.clone()).map_err(|error| Failure::new("the API names no grant", error))
}
