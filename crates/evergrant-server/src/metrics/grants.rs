//! Grants by state. The store keeps count while it writes, so that a look costs the same however many there are.

use std::collections::BTreeMap;

use super::family::{Page, families};

/// Every state is told, also one that no grant is in: a series that comes and goes is no basis for an alert.
const STATES: [&str; 5] = ["active", "degraded", "needs_reauthorization", "not_refreshable", "revoked"];

pub(super) fn render(page: &mut Page, states: &BTreeMap<String, u64>) {
    let mut samples = page.family(&families::GRANTS);
    for state in STATES {
        samples.labelled(&[("state", state)], states.get(state).copied().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_told() {
        let mut page = Page::default();
        render(&mut page, &BTreeMap::from([("active".to_owned(), 7)]));
        let page = page.finish();
        assert!(page.contains("\nevergrant_grants{state=\"active\"} 7\n"), "{page}");
        assert!(page.contains("\nevergrant_grants{state=\"degraded\"} 0\n"), "{page}");
        assert_eq!(page.lines().count(), 2 + STATES.len());
    }
}
