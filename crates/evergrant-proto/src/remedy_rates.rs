//! How often each remedy worked here: counted from what happened next, event by event.
//!
//! A remedy counts as taken when an event shows it, and its end is known with the next refresh of the grant that
//! succeeds or is refused for good. What is still open is not counted.

use std::collections::HashMap;

use serde::Serialize;

use crate::{
    diagnosis::{Action, Cause, Diagnosis},
    grant::{Event, EventKind},
    name::{ClientName, GrantId, Namespace},
};

/// Troubles that are followed at once; beyond, new ones are not counted, which changes no rate.
const MAX_OPEN: usize = 65_536;

/// How often a remedy worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Rate {
    /// How often the grant worked afterwards.
    pub worked: u64,
    /// How often it was taken and its end is known.
    pub tried: u64,
}

/// What was counted so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates(HashMap<(Cause, Action), Rate>);

impl Rates {
    /// The rate of a remedy for a cause; `None`: it was never taken, or no end of it is known.
    pub fn of(&self, cause: Cause, action: Action) -> Option<Rate> {
        self.0.get(&(cause, action)).copied()
    }

    /// The rates of the remedies of a diagnosis, in their order, each action once.
    pub fn of_remedies(&self, diagnosis: &Diagnosis) -> Vec<(Action, Rate)> {
        let mut rates: Vec<(Action, Rate)> = Vec::new();
        for action in diagnosis.remedies.iter().map(|remedy| remedy.action) {
            let is_new = rates.iter().all(|(known, _)| *known != action);
            if let Some(rate) = self.of(diagnosis.cause, action).filter(|_| is_new) {
                rates.push((action, rate));
            }
        }
        rates
    }
}

/// The count. Bounded by the number of causes and of troubles that are open.
#[derive(Debug, Clone, Default)]
pub struct RemedyCount {
    rates: Rates,
    grants: HashMap<GrantId, Trouble>,
    clients: HashMap<(Namespace, ClientName), Trouble>,
}

/// A trouble, and what was last done about it.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    cause: Cause,
    taken: Option<Action>,
}

impl RemedyCount {
    /// What was counted so far.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Takes the next event, in the order of their numbers.
    pub fn observe(&mut self, event: &Event) {
        match event.kind {
            EventKind::ClientRejected | EventKind::ClientUpdated | EventKind::ClientRecovered => {
                self.observe_client(event);
            }
            _ => {
                if let Some(grant) = event.grant {
                    self.observe_grant(grant, event);
                }
            }
        }
    }

    fn observe_grant(&mut self, grant: GrantId, event: &Event) {
        let cause = event.diagnosis.as_ref().map(|diagnosis| diagnosis.cause);
        match event.kind {
            // What is retried by itself is a remedy that is being taken.
            EventKind::RefreshFailed | EventKind::OutcomeUnknown => {
                let known = self.grants.contains_key(&grant);
                if let Some(cause) = cause.filter(|_| !known && self.grants.len() < MAX_OPEN) {
                    self.grants.insert(grant, Trouble { cause, taken: Some(Action::RetryWithBackoff) });
                }
            }
            EventKind::NeedsReauthorization => {
                self.close_grant(grant, false);
                if let Some(cause) = cause.filter(|_| self.grants.len() < MAX_OPEN) {
                    self.grants.insert(grant, Trouble { cause, taken: None });
                }
            }
            EventKind::Reconnected | EventKind::Imported => {
                if let Some(trouble) = self.grants.get_mut(&grant) {
                    trouble.taken = Some(Action::Reauthorize);
                }
            }
            EventKind::Refreshed => {
                self.close_grant(grant, true);
                self.close_corrected_client(event);
            }
            EventKind::Revoked => {
                self.grants.remove(&grant);
            }
            _ => {}
        }
    }

    fn observe_client(&mut self, event: &Event) {
        let key = (event.namespace.clone(), event.client.clone());
        match event.kind {
            EventKind::ClientRejected => {
                let before = self.clients.get(&key).copied();
                // A rejection of the same configuration is the same trouble.
                if let Some(before) = before.filter(|before| before.taken == Some(Action::FixClientConfig)) {
                    self.count(before, false);
                }
                let cause = event.diagnosis.as_ref().map(|diagnosis| diagnosis.cause);
                if let Some(cause) = cause.filter(|_| self.clients.len() < MAX_OPEN) {
                    let taken = Some(Action::RetryWithBackoff);
                    self.clients.insert(key, Trouble { cause, taken });
                }
            }
            EventKind::ClientUpdated => {
                if let Some(trouble) = self.clients.get_mut(&key) {
                    trouble.taken = Some(Action::FixClientConfig);
                }
            }
            _ => {
                if let Some(trouble) = self.clients.remove(&key) {
                    self.count(trouble, true);
                }
            }
        }
    }

    /// A registration that was corrected has no suspension left to be ended: its next success shows that it works.
    fn close_corrected_client(&mut self, event: &Event) {
        if self.clients.is_empty() {
            return;
        }
        let key = (event.namespace.clone(), event.client.clone());
        let corrected =
            self.clients.get(&key).is_some_and(|trouble| trouble.taken == Some(Action::FixClientConfig));
        if corrected && let Some(trouble) = self.clients.remove(&key) {
            self.count(trouble, true);
        }
    }

    fn close_grant(&mut self, grant: GrantId, worked: bool) {
        if let Some(trouble) = self.grants.remove(&grant) {
            self.count(trouble, worked);
        }
    }

    fn count(&mut self, trouble: Trouble, worked: bool) {
        let Some(action) = trouble.taken else { return };
        let rate = self.rates.0.entry((trouble.cause, action)).or_default();
        rate.tried += 1;
        rate.worked += u64::from(worked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnosis::Certainty, failure::Culprit, time::Timestamp};

    /// Feeds one grant's (or client's) story and gives the rates.
    fn told(story: &[(EventKind, Option<Cause>)]) -> Rates {
        let mut count = RemedyCount::default();
        for (kind, cause) in story {
            count.observe(&event(1, *kind, *cause));
        }
        count.rates
    }

    fn event(grant: u128, kind: EventKind, cause: Option<Cause>) -> Event {
        Event {
            at: Timestamp(0),
            namespace: Namespace::default(),
            client: ClientName::new("crm").unwrap(),
            grant: Some(GrantId(grant)),
            generation: None,
            attempt: None,
            kind,
            expires_at: None,
            diagnosis: cause.map(|cause| Diagnosis {
                cause,
                certainty: Certainty::Likely,
                culprit: Culprit::Grant,
                permanent: true,
                retry: false,
                remedies: Vec::new(),
                evidence: Vec::new(),
                alternatives: Vec::new(),
            }),
        }
    }

    fn rate(worked: u64, tried: u64) -> Rate {
        Rate { worked, tried }
    }

    #[test]
    fn a_reauthorization_worked_when_a_refresh_succeeds_after_it() {
        let died = (EventKind::NeedsReauthorization, Some(Cause::UserRevoked));
        let open = [died, (EventKind::Reconnected, None)];
        assert_eq!(told(&open).of(Cause::UserRevoked, Action::Reauthorize), None, "its end is not known");
        let worked = [open[0], open[1], (EventKind::Refreshed, None)];
        assert_eq!(told(&worked).of(Cause::UserRevoked, Action::Reauthorize), Some(rate(1, 1)));
        let again = [open[0], open[1], died];
        assert_eq!(told(&again).of(Cause::UserRevoked, Action::Reauthorize), Some(rate(0, 1)));
    }

    #[test]
    fn a_retry_is_one_try_however_often_it_was_repeated() {
        let failed = (EventKind::RefreshFailed, Some(Cause::ProviderOutage));
        let story = [failed, failed, failed, (EventKind::Refreshed, None), (EventKind::Recovered, None)];
        assert_eq!(told(&story).of(Cause::ProviderOutage, Action::RetryWithBackoff), Some(rate(1, 1)));
        let dead = [failed, (EventKind::NeedsReauthorization, Some(Cause::Undetermined))];
        assert_eq!(told(&dead).of(Cause::ProviderOutage, Action::RetryWithBackoff), Some(rate(0, 1)));
    }

    #[test]
    fn a_registration_recovers_by_itself_or_by_being_corrected() {
        let cause = Cause::ClientSecretExpiredOrRotated;
        let rejected = (EventKind::ClientRejected, Some(cause));
        let updated = (EventKind::ClientUpdated, None);
        let corrected = told(&[rejected, updated, rejected, updated, (EventKind::Refreshed, None)]);
        assert_eq!(corrected.of(cause, Action::FixClientConfig), Some(rate(1, 2)));
        let alone = told(&[rejected, rejected, (EventKind::ClientRecovered, None)]);
        assert_eq!(alone.of(cause, Action::RetryWithBackoff), Some(rate(1, 1)));
        // A refresh of another organization's grant tells nothing of the rejected one.
        let elsewhere = told(&[rejected, (EventKind::Refreshed, None)]);
        assert_eq!(elsewhere.of(cause, Action::RetryWithBackoff), None);
    }

    #[test]
    fn troubles_of_different_grants_are_told_apart() {
        let mut count = RemedyCount::default();
        for grant in [1, 2] {
            count.observe(&event(grant, EventKind::NeedsReauthorization, Some(Cause::UserRevoked)));
            count.observe(&event(grant, EventKind::Reconnected, None));
        }
        count.observe(&event(1, EventKind::Refreshed, None));
        count.observe(&event(2, EventKind::Revoked, None));
        assert_eq!(count.rates.of(Cause::UserRevoked, Action::Reauthorize), Some(rate(1, 1)));
    }
}
