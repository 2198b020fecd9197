//! What is expected after an operator has put an older state in the place of the newer one: what nobody can know any more
//! is expected of nobody, and everything else goes on.

use std::collections::{BTreeSet, HashMap, HashSet};

use evergrant_proto::{
    grant::{Credential, GrantRecord},
    name::{AttemptId, GrantId},
};
use evergrant_rehearse::Fingerprint;

use super::{Judge, records::Mark};
use crate::Store;

/// What the tables tell about presentations, to be taken back with them.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Grants whose refresh tokens are as old as the adopted store.
    unproven: BTreeSet<GrantId>,
    /// Attempts whose outcome is recorded, and by which command.
    recorded: HashMap<AttemptId, u64>,
}

impl Judge {
    /// What the tables tell now.
    pub(crate) fn known(&self) -> Known {
        Known { unproven: self.probation.unproven().clone(), recorded: self.recorded.clone() }
    }

    /// The store is again as it was at `made_at`.
    pub(crate) fn judge_by_backup(&mut self, store: &Store, made_at: u64, known: Known, now: u64) {
        self.restored = true;
        let held: HashSet<&str> = store.grants().flat_map(credentials).map(text).collect();
        let newer = self.owners.iter().filter(|(_, (_, since))| *since > made_at);
        self.gone.extend(newer.map(|(token, _)| token.clone()));
        self.gone.retain(|token| !held.contains(token.as_str()));
        self.marks = store.grants().map(|grant| (grant.id, Mark::of(grant, None, now))).collect();
        self.forget_what_is_not_journalled(store);
        self.rejected.retain(|(grant, key, generation), _| {
            let entry = store.grant(*grant).and_then(|grant| grant.access_for(key));
            entry.is_some_and(|entry| entry.generation == *generation && entry.rejected)
        });
        self.probation.go_back(known.unproven);
        self.recorded = known.recorded;
        // The pauses after failures, and what the provider had asked for, were in the newer state.
        self.traffic.forget();
    }

    /// Whether an older state of the store was ever put in the place of a newer one.
    pub(crate) fn was_restored(&self) -> bool {
        self.restored
    }

    fn forget_what_is_not_journalled(&mut self, store: &Store) {
        let presentations = &self.presentations;
        let mut forgotten = HashSet::new();
        for numbers in self.of_token.values_mut() {
            numbers.retain(|number| {
                let presentation = &presentations[*number];
                let journalled = presentation.attempt.is_some_and(|id| store.attempt(id).is_some());
                if !journalled {
                    forgotten.extend(presentation.grant);
                }
                journalled
            });
        }
        let back = store.grants().filter(|grant| forgotten.contains(&grant.id)).flat_map(credentials);
        self.brought_back.extend(back.map(|credential| text(credential).to_owned()));
    }

    /// Whether a backup brought this refresh token back after it, or what it had brought, was presented, and says nothing of
    /// that.
    pub(crate) fn was_brought_back(&self, token: &Fingerprint) -> bool {
        self.brought_back.iter().any(|back| Fingerprint::of(back) == *token)
    }
}

/// Every refresh token that a grant holds.
fn credentials(grant: &GrantRecord) -> impl Iterator<Item = &Credential> {
    let spares = grant.spares.iter().map(|spare| &spare.credential);
    grant.credential.iter().chain(&grant.predecessor).chain(spares)
}

fn text(credential: &Credential) -> &str {
    credential.refresh_token.expose()
}
