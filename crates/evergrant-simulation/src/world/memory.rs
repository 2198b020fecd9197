//! What processes serve from memory, as their drivers do: validated by comparison with the store, and beyond that only
//! where the store is away.

use std::sync::Arc;

use evergrant_proto::{
    engine::{Issue, TokenRequest},
    grant::AccessKey,
    name::GrantId,
    transaction::Want,
};

use super::{ProcessId, World, process::Process};

/// How often a driver compares its memory with the store's changes.
const WATCH_EVERY: u64 = 250;

/// How long a comparison holds.
const VALID_FOR: u64 = 1000;

impl World {
    pub(super) fn remember(&mut self, id: ProcessId, issue: Arc<Issue>) {
        self.judge.judge_use(&issue, self.now);
        let key = (issue.grant, issue.access.key.clone());
        let memory = &mut self.processes[id.0].cache;
        // A token of a grant in trouble is not kept: its warning must follow the grant's state.
        if issue.access.rejected || issue.warning.is_some() {
            memory.remove(&key);
        } else {
            memory.insert(key, issue);
        }
    }

    pub(super) fn forget(&mut self, id: ProcessId, grant: GrantId, key: AccessKey) {
        self.processes[id.0].cache.remove(&(grant, key));
    }

    pub(super) fn forget_grant(&mut self, id: ProcessId, grant: GrantId) {
        self.processes[id.0].cache.retain(|(held, _), _| *held != grant);
    }

    /// What a process answers without asking anybody.
    pub(super) fn recall(&mut self, id: ProcessId, request: &TokenRequest) -> Option<Arc<Issue>> {
        let Want::Usable { min_ttl } = request.want else { return None };
        let compared = self.compare(id);
        self.drivers.then_some(())?;
        compared?;
        let key = (request.grant, request.key.clone());
        let issue = self.processes[id.0].cache.get(&key)?;
        let (wall, issue) = (self.wall(), Arc::clone(issue));
        issue.access.usable_until().is_none_or(|end| wall < end).then_some(())?;
        let stale = issue.access.stale_at().is_some_and(|stale| wall >= stale);
        let enough = min_ttl.is_zero() || issue.access.lives_at_least(min_ttl, wall);
        if stale {
            let now = self.reading();
            self.processes[id.0].engine.handle_stale(request.grant, request.key.clone(), now);
            self.drain(id);
        }
        enough.then_some(issue)
    }

    /// A store that is away is no reason to withhold a token that is still good in memory.
    pub(super) fn recall_in_need(&self, id: ProcessId, request: &TokenRequest) -> Option<Arc<Issue>> {
        let Want::Usable { .. } = request.want else { return None };
        let issue = self.processes[id.0].cache.get(&(request.grant, request.key.clone()))?;
        let lives = issue.access.usable_until().is_none_or(|end| self.wall() < end);
        lives.then(|| Arc::clone(issue))
    }

    /// Does what the last comparison brought with it, before anything else happens to the process; `None` if the last one
    /// does not count any more. A process that serves nothing from memory compares, too: its engine has to know what was
    /// changed.
    pub(super) fn compare(&mut self, id: ProcessId) -> Option<()> {
        let latest = self.last_comparison(id)?;
        let Process { engine, cache, compared, .. } = &mut self.processes[id.0];
        let before = std::mem::replace(compared, latest.max(*compared));
        if before < latest {
            let noticed = |grant| self.changed.range((grant, before)..=(grant, latest)).next().is_some();
            engine.handle_changes(noticed);
            cache.retain(|(grant, _), _| !noticed(*grant));
        }
        Some(())
    }

    /// When the memory was last compared with the store, if that still counts.
    fn last_comparison(&self, id: ProcessId) -> Option<u64> {
        let latest = self.now - self.now % WATCH_EVERY;
        let latest = match self.away_since {
            Some(since) if since <= latest => since.checked_sub(WATCH_EVERY)?,
            _ => latest,
        };
        let slept = self.stopped_since.get(&id).is_some_and(|since| latest < *since);
        (self.now - latest <= VALID_FOR && !slept).then_some(latest)
    }
}
