//! Which events begin and end an incident. One incident is one message, however many events it has.

use evergrant::{
    proto::grant::{Event, EventKind},
    store::webhook::{Incident, MessageKind, Subject},
};

/// What an event does to the incident of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// What is open afterwards.
    pub(super) incident: Option<Incident>,
    /// What there is to tell.
    pub(super) message: Option<MessageKind>,
}

impl Step {
    fn quietly(incident: Option<Incident>) -> Self {
        Self { incident, message: None }
    }

    fn telling(incident: Option<Incident>, message: MessageKind) -> Self {
        Self { incident, message: Some(message) }
    }
}

/// Whom an event may concern: its client, and its grant. In this order, since a client that works again is why its grants
/// do.
pub(super) fn subjects(event: &Event) -> impl Iterator<Item = Subject> + use<> {
    let client = Subject::Client(event.namespace.clone(), event.client.clone());
    // A rejected client is not the trouble of the grant that met it.
    let of_client = matches!(
        event.kind,
        EventKind::ClientRejected | EventKind::ClientRecovered | EventKind::ClientUpdated
    );
    let grant = event.grant.filter(|_| !of_client).map(Subject::Grant);
    [Some(client), grant].into_iter().flatten()
}

/// What `kind` does to the incident `open` of `subject`.
pub(super) fn step(subject: &Subject, open: Option<Incident>, kind: EventKind) -> Step {
    match subject {
        Subject::Grant(_) => of_grant(open, kind),
        Subject::Client(..) => of_client(open, kind),
    }
}

fn of_grant(open: Option<Incident>, kind: EventKind) -> Step {
    match (kind, open) {
        (EventKind::Connected | EventKind::Reconnected | EventKind::Imported, None) => {
            Step::telling(None, MessageKind::GrantConnected)
        }
        (
            EventKind::Connected
            | EventKind::Reconnected
            | EventKind::Imported
            | EventKind::Refreshed
            | EventKind::Recovered,
            Some(_),
        ) => Step::telling(None, MessageKind::GrantRecovered),
        (EventKind::RefreshFailed | EventKind::OutcomeUnknown | EventKind::RequestRefused, None) => {
            Step::telling(Some(Incident::Degraded), MessageKind::GrantDegraded)
        }
        (EventKind::NeedsReauthorization, Some(Incident::Dead)) => Step::quietly(open),
        (EventKind::NeedsReauthorization, _) => {
            Step::telling(Some(Incident::Dead), MessageKind::GrantNeedsReauthorization)
        }
        (EventKind::Revoked, _) => Step::quietly(None),
        _ => Step::quietly(open),
    }
}

fn of_client(open: Option<Incident>, kind: EventKind) -> Step {
    match (kind, open) {
        (EventKind::ClientRejected, None) => {
            Step::telling(Some(Incident::Rejected), MessageKind::ClientRejected)
        }
        // The new credentials are rejected, too: it is the same incident.
        (EventKind::ClientRejected, Some(_)) => Step::quietly(Some(Incident::Rejected)),
        (EventKind::ClientUpdated, Some(_)) => Step::quietly(Some(Incident::Corrected)),
        (EventKind::ClientRecovered, Some(_)) => Step::telling(None, MessageKind::ClientRecovered),
        // New credentials close the breaker at once; that they work is seen by the first success.
        (EventKind::Refreshed | EventKind::Connected | EventKind::Reconnected, Some(Incident::Corrected)) => {
            Step::telling(None, MessageKind::ClientRecovered)
        }
        _ => Step::quietly(open),
    }
}

#[cfg(test)]
mod tests {
    use evergrant::proto::name::{ClientName, GrantId, Namespace};

    use super::*;
    use EventKind as E;
    use MessageKind as M;

    fn told(subject: &Subject, kinds: &[EventKind]) -> Vec<MessageKind> {
        let mut open = None;
        kinds
            .iter()
            .filter_map(|kind| {
                let step = step(subject, open, *kind);
                open = step.incident;
                step.message
            })
            .collect()
    }

    fn grant(kinds: &[EventKind]) -> Vec<MessageKind> {
        told(&Subject::Grant(GrantId(1)), kinds)
    }

    fn client(kinds: &[EventKind]) -> Vec<MessageKind> {
        told(&Subject::Client(Namespace::default(), ClientName::new("shop").unwrap()), kinds)
    }

    #[test]
    fn a_grant_that_is_degraded_for_an_hour_is_told_once_and_once_that_it_is_back() {
        let mut hour = vec![E::RefreshFailed; 60];
        hour.extend([E::OutcomeUnknown, E::Refreshed, E::Recovered]);
        assert_eq!(grant(&hour), [M::GrantDegraded, M::GrantRecovered]);
    }

    #[test]
    fn a_grant_that_dies_is_told_once_and_once_that_its_owner_came_back() {
        let story = [E::Connected, E::RefreshFailed, E::NeedsReauthorization, E::NeedsReauthorization];
        let dead = [M::GrantConnected, M::GrantDegraded, M::GrantNeedsReauthorization];
        assert_eq!(grant(&story), dead);
        let story = [&story[..], &[E::WrongAccount, E::Reconnected, E::Refreshed]].concat();
        assert_eq!(grant(&story), [&dead[..], &[M::GrantRecovered]].concat());
    }

    #[test]
    fn refreshes_that_work_are_no_news() {
        assert_eq!(
            grant(&[E::Refreshed, E::Refreshed, E::SpareKept, E::AccessTokenRejected, E::Refreshed]),
            []
        );
        assert_eq!(client(&[E::Refreshed, E::ClientUpdated, E::Refreshed]), []);
    }

    #[test]
    fn a_grant_that_is_revoked_ends_its_incident_without_a_recovery() {
        assert_eq!(grant(&[E::RefreshFailed, E::Revoked, E::RevocationConfirmed]), [M::GrantDegraded]);
    }

    #[test]
    fn a_rejected_client_is_told_once_however_many_grants_meet_it() {
        let many = vec![E::ClientRejected; 10_000];
        assert_eq!(client(&many), [M::ClientRejected]);
        let story = [&many[..], &[E::ClientRecovered, E::Refreshed, E::Recovered]].concat();
        assert_eq!(client(&story), [M::ClientRejected, M::ClientRecovered]);
    }

    #[test]
    fn a_client_has_recovered_when_its_new_credentials_have_worked() {
        let story = [E::ClientRejected, E::Refreshed, E::ClientUpdated, E::ClientRejected, E::ClientUpdated];
        assert_eq!(client(&story), [M::ClientRejected]);
        let story = [&story[..], &[E::Refreshed]].concat();
        assert_eq!(client(&story), [M::ClientRejected, M::ClientRecovered]);
    }
}
