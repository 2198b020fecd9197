//! What became of the client's other grants: a refusal that many meet at once is no single user's doing.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use super::OtherGrants;
use crate::{
    grant::{Event, EventKind, GrantRecord},
    name::{ClientName, GrantId},
    time::Timestamp,
};

/// So many of the newest events of a namespace are looked at: a refusal costs no more in a large store than in a small
/// one.
pub const LOOKED_AT: usize = 256;

/// Refusals so far apart have nothing to do with each other.
const TOGETHER: Duration = Duration::from_secs(15 * 60);

/// How far back a refresh still says that the client works: most access tokens live an hour.
const LATELY: Duration = Duration::from_secs(60 * 60);

/// Fewer refusals than these are a coincidence.
const MANY: u32 = 2;

/// An entry of the event log, as far as it tells how a grant fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// When.
    pub at: Timestamp,
    /// The client concerned.
    pub client: ClientName,
    /// The grant concerned.
    pub grant: Option<GrantId>,
    /// What happened.
    pub kind: EventKind,
}

impl From<&Event> for Sighting {
    fn from(event: &Event) -> Self {
        Self { at: event.at, client: event.client.clone(), grant: event.grant, kind: event.kind }
    }
}

/// How the client's other grants fared lately, each counted by what happened to it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Neighbours {
    /// How many were refused for good within a quarter of an hour.
    pub refused: u32,
    /// How many were refreshed: since the first of those refusals, or within the hour if there is none.
    pub refreshed: u32,
    /// How long ago the first of what was counted happened.
    pub within: Duration,
}

impl Neighbours {
    /// Counts what the newest events, the newest first, tell of the other grants of this grant's client. `since`: what
    /// came before does not count. `None`: they tell nothing.
    pub fn of(
        sightings: &[Sighting],
        grant: &GrantRecord,
        since: Option<Timestamp>,
        wall: Timestamp,
    ) -> Option<Self> {
        let mut known = BTreeSet::new();
        let (mut refused, mut refreshed) = (Vec::new(), Vec::new());
        for sighting in sightings.iter().filter(|sighting| sighting.client == grant.client) {
            let (ages, limit) = match sighting.kind {
                EventKind::NeedsReauthorization => (&mut refused, TOGETHER),
                EventKind::Refreshed => (&mut refreshed, LATELY),
                _ => continue,
            };
            let other = sighting.grant.filter(|other| *other != grant.id);
            let is_its_last = other.is_some_and(|other| known.insert(other));
            let age = wall.since(sighting.at);
            if is_its_last && age <= limit && since.is_none_or(|since| since <= sighting.at) {
                ages.push(age);
            }
        }
        let first = refused.iter().max().copied();
        refreshed.retain(|age| first.is_none_or(|first| *age <= first));
        let within = first.or(refreshed.iter().max().copied())?;
        Some(Self { refused: count(&refused), refreshed: count(&refreshed), within })
    }

    /// Whether that points to the client, or to this one grant.
    pub fn verdict(self) -> Option<OtherGrants> {
        match (self.refused, self.refreshed) {
            (0, 0) => None,
            (0, _) => Some(OtherGrants::NoneFailing),
            (MANY.., 0) => Some(OtherGrants::AllFailing),
            _ => Some(OtherGrants::SomeFailing),
        }
    }
}

fn count(ages: &[Duration]) -> u32 {
    u32::try_from(ages.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Namespace;

    const MINUTE: i64 = 60;

    /// What befell another grant of the client, so many seconds after the beginning.
    fn sighted(grant: u128, kind: EventKind, seconds: i64) -> Sighting {
        let client = ClientName::new("crm").unwrap();
        Sighting { at: Timestamp::from_seconds(seconds), client, grant: Some(GrantId(grant)), kind }
    }

    /// What is seen of the neighbours of grant 1, two hours after the beginning; told the oldest first.
    fn seen(mut sightings: Vec<Sighting>) -> Option<Neighbours> {
        sightings.reverse();
        let client = ClientName::new("crm").unwrap();
        let grant = GrantRecord::new(GrantId(1), &Namespace::default(), &client, Timestamp(0));
        Neighbours::of(&sightings, &grant, None, Timestamp::from_seconds(120 * MINUTE))
    }

    fn verdict(sightings: Vec<Sighting>) -> Option<OtherGrants> {
        seen(sightings).and_then(Neighbours::verdict)
    }

    const DIED: EventKind = EventKind::NeedsReauthorization;
    const WORKED: EventKind = EventKind::Refreshed;

    #[test]
    fn many_refusals_and_no_refresh_since_the_first_of_them_concern_the_client() {
        let before = sighted(2, WORKED, 100 * MINUTE);
        let all = vec![before, sighted(3, DIED, 110 * MINUTE), sighted(4, DIED, 119 * MINUTE)];
        assert_eq!(
            seen(all.clone()),
            Some(Neighbours { refused: 2, refreshed: 0, within: Duration::from_secs(600) })
        );
        assert_eq!(verdict(all.clone()), Some(OtherGrants::AllFailing));
        let one_lives = [all, vec![sighted(2, WORKED, 115 * MINUTE)]].concat();
        assert_eq!(verdict(one_lives), Some(OtherGrants::SomeFailing));
    }

    #[test]
    fn one_refusal_beside_this_one_is_a_coincidence() {
        assert_eq!(verdict(vec![sighted(2, DIED, 119 * MINUTE)]), Some(OtherGrants::SomeFailing));
        let long_ago = vec![sighted(2, DIED, 10 * MINUTE), sighted(3, DIED, 104 * MINUTE)];
        assert_eq!(verdict(long_ago), None);
    }

    #[test]
    fn others_that_were_refreshed_within_the_hour_clear_the_client() {
        assert_eq!(verdict(vec![sighted(2, WORKED, 61 * MINUTE)]), Some(OtherGrants::NoneFailing));
        assert_eq!(verdict(vec![sighted(2, WORKED, 59 * MINUTE)]), None);
    }

    #[test]
    fn what_befell_this_grant_or_another_client_does_not_count() {
        let own = sighted(1, WORKED, 119 * MINUTE);
        let client = ClientName::new("erp").unwrap();
        let elsewhere = Sighting { client, ..sighted(2, DIED, 119 * MINUTE) };
        assert_eq!(verdict(vec![own, elsewhere]), None);
    }

    #[test]
    fn each_grant_counts_once_by_what_happened_to_it_last() {
        let died = vec![sighted(2, WORKED, 100 * MINUTE), sighted(2, DIED, 101 * MINUTE)];
        assert_eq!(verdict(died), None, "it died too long ago, and what it did before does not count");
        let often = (110..120).map(|minute| sighted(2, WORKED, minute * MINUTE)).collect();
        assert_eq!(seen(often).unwrap().refreshed, 1);
    }

    #[test]
    fn a_sighting_is_read_from_a_stored_event_without_the_rest_of_it() {
        let text = r#"{"at":7,"namespace":"default","client":"crm","grant":null,"generation":null,"attempt":null,
                       "kind":"refreshed","diagnosis":{"anything":[1]}}"#;
        let sighting: Sighting = serde_json::from_str(text).unwrap();
        assert_eq!((sighting.at, sighting.grant, sighting.kind), (Timestamp(7), None, WORKED));
    }
}
