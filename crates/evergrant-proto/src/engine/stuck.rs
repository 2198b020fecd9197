//! Due grants that the store can neither read nor claim, as when it is full, or when a record is damaged. They stay due,
//! and must neither stand in the way of those behind them nor be tried again at once.

use std::collections::HashSet;

use crate::name::GrantId;

/// Most that are remembered.
const MOST: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Stuck(HashSet<GrantId>);

impl Stuck {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Notes what came of a flight of the scheduler.
    pub(super) fn note(&mut self, grant: GrantId, is_stuck: bool) {
        if !is_stuck {
            self.0.remove(&grant);
        } else if self.0.len() < MOST {
            self.0.insert(grant);
        }
    }

    /// Lets those go first that are not stuck, each part in the order it has; returns how many they are.
    pub(super) fn go_last(&self, grants: &mut [GrantId]) -> usize {
        grants.sort_by_key(|grant| self.0.contains(grant));
        grants.partition_point(|grant| !self.0.contains(grant))
    }
}
