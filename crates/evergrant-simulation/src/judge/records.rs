//! What no transaction may do to a grant.

use evergrant_proto::{
    grant::{AccessKey, GrantRecord, GrantState},
    name::{Fence, Generation, GrantId},
    provider::RotationKind,
    scope::ScopeSet,
    transaction::Command,
};

use super::Judge;
use crate::Invariant;

/// A grant as it was when it was looked at last.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    generation: Generation,
    lineage_start: Generation,
    fence: Fence,
    revoked: bool,
    removed: bool,
    /// Nobody may ask the provider any more before somebody signs in again.
    dead: bool,
    token: Option<(Generation, String)>,
    /// The access tokens: their generation, and when they came.
    access: Vec<(AccessKey, Generation, u64)>,
    /// What was granted.
    granted: ScopeSet,
}

impl Mark {
    pub(super) fn of(grant: &GrantRecord, before: Option<&Self>, now: u64) -> Self {
        let came = |key: &AccessKey, generation| {
            let access = before.into_iter().flat_map(|mark| &mark.access);
            let known = access.filter(|held| held.0 == *key && held.1 == generation).map(|held| held.2);
            known.min().unwrap_or(now)
        };
        let held = grant.credential.as_ref();
        let token = held.map(|held| (held.generation, held.refresh_token.expose().to_owned()));
        let access = grant.access.iter();
        Self {
            generation: grant.generation,
            lineage_start: grant.lineage_start,
            fence: grant.fence,
            revoked: grant.state == GrantState::Revoked,
            removed: grant.removed_at.is_some(),
            dead: matches!(grant.state, GrantState::NeedsReauthorization { .. }),
            token,
            access: access
                .map(|entry| (entry.key.clone(), entry.generation, came(&entry.key, entry.generation)))
                .collect(),
            granted: grant.granted.clone(),
        }
    }
}

impl Judge {
    /// Since when a grant holds the access token that it holds for `key`.
    pub(crate) fn held_since(&self, grant: GrantId, key: &AccessKey) -> Option<u64> {
        let access = &self.marks.get(&grant)?.access;
        access.iter().find(|held| held.0 == *key).map(|held| held.2)
    }

    /// A command was executed: what it made of the grant.
    pub(crate) fn look_at(
        &mut self,
        grant: &GrantRecord,
        command: &Command,
        attempt: Option<Generation>,
        now: u64,
    ) {
        self.command += 1;
        if let Command::Claim(claim) = command {
            self.claimed.entry(claim.attempt).or_insert(self.command);
        }
        for held in grant.credential.iter().chain(grant.spares.iter().map(|spare| &spare.credential)) {
            let token = held.refresh_token.expose();
            if !self.owners.contains_key(token) {
                self.owners.insert(token.to_owned(), (grant.id, now));
            }
            // Some providers repeat an answer, and the same token comes again.
            self.gone.remove(token);
        }
        for entry in &grant.access {
            if !self.durable.contains(entry.token.expose()) {
                self.durable.insert(entry.token.expose().to_owned());
            }
        }
        let before = self.marks.get(&grant.id);
        let mark = Mark::of(grant, before, now);
        let moved = before.is_none_or(|before| before.generation != mark.generation);
        let late = before.is_some_and(|before| self.is_late(before, attempt));
        let objections =
            before.map(|before| objections(before, &mark, command, attempt, late)).unwrap_or_default();
        self.marks.insert(grant.id, mark);
        for (invariant, what) in objections {
            self.object(invariant, now, format!("{what} of grant {}", grant.id));
        }
        self.note_promise(command, grant);
        self.note_probe(command, grant, moved, now);
    }

    /// Whether an attempt of this generation presented an older token than the one in force. What is put back in the place of a
    /// refused successor was presented before.
    fn is_late(&self, before: &Mark, attempt: Option<Generation>) -> bool {
        let outlives = self.scene.known.kind == RotationKind::UntilSuccessorUsed;
        let held = before.token.as_ref().filter(|_| outlives);
        let same = held.is_some_and(|(_, token)| {
            self.presentations_of(token).any(|one| one.generation.is_some() && one.generation == attempt)
        });
        attempt.is_some_and(|generation| generation < before.generation) && !same
    }
}

/// `attempt` is the generation of the attempt whose outcome the command records, and it is `late` if its token was not the one in
/// force any more.
fn objections(
    before: &Mark,
    after: &Mark,
    command: &Command,
    attempt: Option<Generation>,
    late: bool,
) -> Vec<(Invariant, &'static str)> {
    let mut found = Vec::new();
    let mut object = |broken: bool, what: &'static str| {
        if broken {
            found.push((Invariant::NothingOlderWins, what));
        }
    };
    object(after.generation < before.generation, "the generation went back");
    object(after.lineage_start < before.lineage_start, "the lineage went back");
    object(after.fence < before.fence, "the fence went back");
    object(before.revoked && !after.revoked, "the revocation was undone");
    object(before.removed && !after.removed, "the removal was undone");
    let begins = matches!(command, Command::Import(_) | Command::Complete(_));
    object(after.lineage_start != before.lineage_start && !begins, "a flight began a lineage");
    if let (Some(held), Some(came)) = (&before.token, &after.token) {
        object(came.0 < held.0, "a credential was replaced by that of an older generation");
        object(
            came.1 != held.1 && after.generation == before.generation,
            "the credential changed within one generation",
        );
    }
    for (key, generation, _) in &before.access {
        let older = after.access.iter().any(|held| held.0 == *key && held.1 < *generation);
        object(older, "an access token was replaced by that of an older generation");
    }
    let superseded = attempt.is_some_and(|generation| generation < before.lineage_start) && !after.revoked;
    let changed = before.token != after.token || before.generation != after.generation;
    object(superseded && changed, "a flight older than the authorization overwrote it");
    // The last resort of a dead grant, and what a revoked one has to revoke, may be older.
    let needs_nothing = !before.dead && !before.revoked;
    object(
        late && needs_nothing && before.token != after.token && matches!(command, Command::Succeed(_)),
        "a late success replaced what a newer one had brought",
    );
    // RFC 6749 6: a token of a narrower scope leaves the scope of the refresh token, and of the grant, as it is.
    if !before.granted.is_subset(&after.granted) && !begins {
        found.push((Invariant::NothingLost, "a refresh narrowed the scope"));
    }
    if before.token.is_some() && after.token.is_none() && !begins && !after.revoked {
        found.push((Invariant::NothingLost, "the refresh token was deleted"));
    }
    found
}
