//! What a provider's answers have shown, for people.

use std::time::Duration;

use evergrant::proto::{
    client::{ClientRecord, ENOUGH, Learned, Range, Repetitions},
    provider::{Replacement, RotationKind},
};

use crate::{
    commands::providers::span,
    output::{style::Tone, table::Table},
};

/// Adds what was seen, and where it speaks against what is stated.
pub(super) fn add_to(table: &mut Table, client: &ClientRecord) {
    let learned = client.learned;
    table.pair("seen: refresh tokens", replacement(learned));
    table.pair("seen: repetitions", repetitions(learned.repetitions));
    table.pair("seen: access token", learned.access_lifetime.map(range));
    table.pair("seen: refresh token", refresh_lifetime(learned));
    table.pair("seen: authorization", learned.authorization_lifetime.map(range));
    for contradiction in learned.contradictions(&client.provider) {
        table.toned("contradicts", Tone::Warning, contradiction.meaning().to_owned());
    }
    if client.probation.is_halted() {
        let left = "the provider refused one grant after the other since this store was adopted: the rest waits until it is needed";
        table.toned("after adoption", Tone::Warning, left.to_owned());
    }
}

/// The rotation policy that governs, as `--rotation` takes it; an unknown one with what that means.
pub(super) fn rotation(client: &ClientRecord, name: Option<String>) -> Option<String> {
    let policy = &client.provider.rotation;
    let window = policy.window.map(|window| format!(",window={}", window.as_secs()));
    let count = policy.count.map(|count| format!(",count={count}"));
    match policy.kind {
        RotationKind::Unknown => {
            Some("unknown: treated as the strictest (state it with --rotation)".to_owned())
        }
        _ => name.map(|name| [Some(name), window, count].into_iter().flatten().collect()),
    }
}

fn replacement(learned: Learned) -> Option<String> {
    let often = |count: u8| if count >= ENOUGH { format!("{count} times or more") } else { times(count) };
    let text = match learned.replacement() {
        Replacement::Always => format!("replaced by every refresh ({})", often(learned.replaced)),
        Replacement::Never => format!("kept by every refresh ({})", often(learned.kept)),
        Replacement::Sometimes => "replaced by some refreshes, kept by others".to_owned(),
        Replacement::Unknown if learned.replaced > 0 => format!("replaced {}", times(learned.replaced)),
        Replacement::Unknown if learned.kept > 0 => format!("kept {}", times(learned.kept)),
        Replacement::Unknown => return None,
    };
    Some(text)
}

fn times(count: u8) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn repetitions(seen: Repetitions) -> Option<String> {
    let accepted = seen.accepted_after_s.map(|after| format!("accepted up to {} later", seconds(after)));
    let refused = seen.refused_after_s.map(|after| format!("refused from {} later on", seconds(after)));
    let told: Vec<_> = accepted.into_iter().chain(refused).collect();
    (!told.is_empty()).then(|| format!("after a lost answer: {}", told.join("; ")))
}

fn refresh_lifetime(learned: Learned) -> Option<String> {
    let lives = learned.refresh_lifetime.map(range)?;
    Some(match learned.use_extends {
        Some(true) => format!("{lives}, from its last use on"),
        Some(false) => format!("{lives}, and no use moves the end"),
        None => lives,
    })
}

fn range(range: Range) -> String {
    if range.shortest_s == range.longest_s {
        seconds(range.longest_s)
    } else {
        format!("{} to {}", seconds(range.shortest_s), seconds(range.longest_s))
    }
}

fn seconds(seconds: u64) -> String {
    span(Duration::from_secs(seconds))
}
