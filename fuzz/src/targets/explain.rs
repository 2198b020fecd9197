//! What people paste to have it explained.

use std::sync::LazyLock;

use evergrant_explain::{explanation::explain, reading::Case};
use evergrant_proto::provider::Catalogue;

use crate::secrecy::{CANARY, assert_silent};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::builtin);

/// Behind these, a value is a secret whatever it looks like; elsewhere it is told by its looks.
const NAMES: [&str; 3] = ["\"client_secret\":\"", " client_secret=", "&client_secret="];

/// Whatever it is, there is an explanation, a terminal can show it, and no secret is in it.
pub(super) fn explanation(bytes: &[u8]) {
    let read = Case::read(bytes);
    if let Some(line) = str::from_utf8(bytes).ok().and_then(|text| text.lines().next()) {
        let _ = Case::from_record(line);
    }
    let Ok(case) = read else { return };
    let shown = explain(&case, &CATALOGUE).to_terminal(80, false);
    let obeyed = |letter: &char| letter.is_control() && *letter != '\n';
    assert_eq!(shown.chars().find(obeyed), None, "a terminal would obey it: {shown:?}");
    if names_its_secret(bytes) {
        assert_silent(&[CANARY], &format!("{case:?} {shown}"));
    }
}

/// Whether the canary stands in the input once, as a whole value, and behind the name of a secret.
fn names_its_secret(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    let Some((before, after)) = text.split_once(CANARY) else { return false };
    let ends = after.is_empty() || after.starts_with(['"', '&', '\n']);
    ends && !after.contains(CANARY) && NAMES.iter().any(|name| before.ends_with(name))
}
