//! Taking over a refresh token that was issued to somebody else's program.

use super::{Change, Conflict, Loaded, schedule::schedule};
use crate::{
    grant::{AccessEntry, Credential, EventKind, GrantRecord, GrantState, Life, Owner},
    name::{ClientName, Fence, Generation, GrantId, Namespace},
    scope::ScopeSet,
    secret::RefreshToken,
    time::Timestamp,
};

/// Adds a grant, or gives a new refresh token to one that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The grant: an unused id for a new one.
    pub grant: GrantId,
    /// The tenant boundary.
    pub namespace: Namespace,
    /// The client that the refresh token was issued to.
    pub client: ClientName,
    /// Whose it is.
    pub owner: Owner,
    /// The scope that was granted, as far as known.
    pub scopes: ScopeSet,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// When it ends, if known.
    pub refresh_expires_at: Option<Timestamp>,
    /// When it was obtained, if known.
    pub obtained_at: Option<Timestamp>,
    /// An access token that is still good, if one is at hand.
    pub access: Option<AccessEntry>,
    /// Wall clock.
    pub wall: Timestamp,
}

pub(super) fn import(loaded: &Loaded, command: &Import) -> Result<Change, Conflict> {
    let client = loaded.client.as_ref().ok_or(Conflict::NoSuchClient)?;
    if let Some(holder) = loaded.held_by.filter(|holder| *holder != command.grant) {
        return Err(Conflict::AlreadyHeld(holder));
    }
    let mut grant = match loaded.grant.clone() {
        Some(grant) if grant.client != command.client || grant.namespace != command.namespace => {
            return Err(Conflict::OtherClient);
        }
        Some(grant) if grant.state == GrantState::Revoked => return Err(Conflict::Revoked),
        Some(grant) => grant,
        None => GrantRecord::new(command.grant, &command.namespace, &command.client, command.wall),
    };
    grant.owner = command.owner.clone();
    grant.requested = command.scopes.clone();
    grant.granted = command.scopes.clone();
    let credential = |generation| Credential {
        refresh_token: command.refresh_token.clone(),
        generation,
        obtained_at: command.obtained_at.map_or(command.wall, |at| at.min(command.wall)),
        expires_at: command.refresh_expires_at,
        authorization_expires_at: None,
    };
    grant.begin_lineage(Some(credential), command.access.clone(), command.wall);
    schedule(&mut grant, Some(client), command.wall);
    let event = grant.event(EventKind::Imported, command.wall);
    Ok(Change::grant(grant, vec![event]))
}

impl GrantRecord {
    /// A grant that holds nothing yet.
    pub(crate) fn new(id: GrantId, namespace: &Namespace, client: &ClientName, wall: Timestamp) -> Self {
        Self {
            id,
            namespace: namespace.clone(),
            client: client.clone(),
            owner: Owner::default(),
            requested: ScopeSet::default(),
            granted: ScopeSet::default(),
            state: GrantState::NotRefreshable,
            generation: Generation::default(),
            revision: 0,
            lineage_start: Generation::default(),
            fence: Fence::default(),
            lease: None,
            blocked_until: None,
            verdict: None,
            failures: 0,
            retry_at: None,
            next_due_at: None,
            revocation: None,
            removed_at: None,
            created_at: wall,
            last_success_at: wall,
            overtaken: None,
            life: Life::default(),
            deaths: Vec::new(),
            credential: None,
            predecessor: None,
            put_back: None,
            exchanged: None,
            refused_for: None,
            access: Vec::new(),
            spares: Vec::new(),
            attempts: Vec::new(),
        }
    }

    /// Begins a new lineage: what an import or an authorization brought. Whatever was issued before is superseded,
    /// whatever still flies loses its right, and a missing refresh token is not made up for by the dead one.
    pub(super) fn begin_lineage(
        &mut self,
        credential: Option<impl FnOnce(Generation) -> Credential>,
        access: Option<AccessEntry>,
        wall: Timestamp,
    ) {
        self.generation = self.generation.next();
        self.lineage_start = self.generation;
        self.fence = self.fence.next();
        self.lease = None;
        self.blocked_until = None;
        self.predecessor = None;
        self.put_back = None;
        self.exchanged = None;
        self.refused_for = None;
        self.spares.clear();
        self.verdict = None;
        self.failures = 0;
        self.retry_at = None;
        self.revocation = None;
        self.last_success_at = wall;
        self.overtaken = None;
        self.life = Life::beginning(wall, self.life.adoption);
        self.state = if credential.is_some() { GrantState::Active } else { GrantState::NotRefreshable };
        self.credential = credential.map(|make| make(self.generation));
        self.access = access
            .map(|mut entry| {
                entry.generation = self.generation;
                entry
            })
            .into_iter()
            .collect();
    }
}
