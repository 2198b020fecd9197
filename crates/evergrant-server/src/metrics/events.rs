//! What happened, by kind and by cause.

use std::collections::BTreeMap;

use evergrant::proto::grant::EventKind;

use super::{
    Happened,
    family::{Page, families},
};
use crate::openapi::names;

/// Every kind is told, also one that nothing was of yet: a counter that begins with its first event shows no increase
/// for it, and no alert would come.
pub(super) fn render(page: &mut Page, happened: &Happened) {
    let mut by_kind: BTreeMap<&str, u64> = names::of::<EventKind>().iter().map(|kind| (*kind, 0)).collect();
    for ((kind, _), count) in happened {
        *by_kind.entry(kind).or_default() += count;
    }
    let mut events = page.family(&families::EVENTS);
    for (kind, count) in by_kind {
        events.labelled(&[("kind", kind)], count);
    }
    let mut causes = page.family(&families::CAUSES);
    for ((kind, cause), count) in happened.iter().filter(|((_, cause), _)| !cause.is_empty()) {
        causes.labelled(&[("cause", *cause), ("kind", kind)], *count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_and_what_had_a_cause_by_that_as_well() {
        let mut page = Page::default();
        let happened = [
            (("refreshed".to_owned(), ""), 9),
            (("needs_reauthorization".to_owned(), "user_revoked"), 2),
            (("needs_reauthorization".to_owned(), "undetermined"), 3),
        ];
        render(&mut page, &happened.into());
        let page = page.finish();
        for line in [
            "evergrant_events_total{kind=\"refreshed\"} 9",
            "evergrant_events_total{kind=\"needs_reauthorization\"} 5",
            "evergrant_events_total{kind=\"client_rejected\"} 0",
            "evergrant_causes_total{cause=\"user_revoked\",kind=\"needs_reauthorization\"} 2",
        ] {
            assert!(page.lines().any(|candidate| candidate == line), "{line}\n{page}");
        }
        assert!(!page.contains("cause=\"\""), "{page}");
    }
}
