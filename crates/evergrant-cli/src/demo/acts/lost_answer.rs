//! The answer to a refresh is lost after the provider has rotated the token.

use std::time::Duration;

use evergrant::proto::grant::GrantState;
use evergrant_rehearse::{Action, Endpoint, Fault, GrantType, JournalEntry};

use super::connect::connect;
use crate::{
    demo::{
        narrator::Narrator,
        short,
        stage::{GRACE, LENIENT, Stage},
    },
    failure::Failure,
};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
/// Every access token is renewed before this time has passed.
const LIFE: Duration = Duration::from_secs(2 * 3600);

pub(super) async fn play(stage: &Stage, narrator: &mut Narrator) -> Result<(), Failure> {
    narrator.act(4, "An answer is lost on its way", stage.elapsed()).await;
    narrator
        .tell(&format!(
            "bob connects the app \"mail\", whose provider repeats its answer for {} s. His next refresh rotates the \
             token, then the connection breaks: the successor exists, and Evergrant has not seen it.",
            GRACE.as_secs(),
        ))
        .await;
    let (grant, _) = connect(stage, LENIENT, "bob").await?;
    let fault = Fault::after_commit(Action::Drop).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
    let fault = stage.rehearsal.add_fault(fault.of_client(LENIENT));
    fault.map_err(|error| Failure::new("no answer can be lost", error))?;

    let sent = async || Ok(!stage.refreshes(LENIENT).is_empty());
    stage.pass_until(MINUTE, LIFE, sent).await?;
    let served = stage.keeper.token(grant).await.is_ok();
    let active = async || {
        Ok(stage.refreshes(LENIENT).len() > 1 && stage.record(grant).await?.state == GrantState::Active)
    };
    let recovered = stage.pass_until(SECOND, GRACE, active).await?;
    let journal = stage.refreshes(LENIENT);
    narrator
        .claim(
            served && matches!(journal.first(), Some(lost) if lost.response_lost && lost.issued.is_some()),
            "the provider rotated, its answer is lost, and callers are served all the same",
            "the request was journalled before it was sent: its outcome is known to be unknown",
        )
        .await?;
    let (same, evidence) = compare(&journal);
    narrator
        .claim(recovered && same, "repeated once, inside the window: the very same successor", &evidence)
        .await
}

/// Whether the second request presented the same token and got the same successor, in words, too.
fn compare(journal: &[JournalEntry]) -> (bool, String) {
    let [lost, repeated] = journal else {
        return (false, format!("{} refresh requests", journal.len()));
    };
    let same =
        lost.presented == repeated.presented && lost.issued == repeated.issued && lost.issued.is_some();
    let (first, second) = (successor(lost), successor(repeated));
    let pause = Duration::from_millis(u64::try_from(repeated.at_ms.0 - lost.at_ms.0).unwrap_or_default());
    (
        same,
        format!("lost: {first}; repeated {} s later: {second}; the grant is active again", pause.as_secs()),
    )
}

fn successor(entry: &JournalEntry) -> &str {
    entry.issued.as_ref().map_or("none", |token| short(token.as_str()))
}
