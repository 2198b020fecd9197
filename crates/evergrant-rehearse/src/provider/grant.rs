//! Grants: families of refresh tokens, and the access tokens and codes that belong to them.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use serde::{Deserialize, Serialize};

use super::{
    RevocationCause, Timestamp,
    secret::{Digest, Secret},
};
use crate::settings::Lifetimes;

/// The number of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FamilyId(pub u64);

/// What one user gave to one client at one authorization: all tokens that descend from it.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) id: FamilyId,
    pub(super) client_id: String,
    pub(super) username: String,
    pub(super) scope: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) authenticated: Timestamp,
    pub(super) created: Timestamp,
    pub(super) revoked: Option<(Timestamp, RevocationCause)>,
    pub(super) tokens: Vec<RefreshToken>,
    /// Access tokens with a smaller serial have been ended by a refresh.
    pub(super) oldest_access: u64,
}

/// A refresh token and what became of it. Its place in [`Family::tokens`] is its name.
#[derive(Debug)]
pub(super) struct RefreshToken {
    pub(super) secret: Secret,
    /// 1 for the first of a family, one more than the predecessor's otherwise.
    pub(super) generation: u32,
    pub(super) issued: Timestamp,
    pub(super) last_used: Option<Timestamp>,
    /// When it was first exchanged for a successor.
    pub(super) spent: Option<Timestamp>,
    /// Granted uses after the first.
    pub(super) replays: u32,
    /// All presentations, granted or not.
    pub(super) presented: u32,
    /// A later replay of the predecessor has ended it.
    pub(super) superseded: bool,
    pub(super) successors: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct AccessToken {
    /// None: the client itself is the resource owner.
    pub(super) family: Option<FamilyId>,
    pub(super) client_id: String,
    pub(super) scope: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) serial: u64,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) revoked: bool,
}

/// An authorization code with everything its redemption is compared with.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) client_id: String,
    pub(super) username: String,
    pub(super) redirect_uri: String,
    pub(super) redirect_uri_given: bool,
    pub(super) challenge: Option<String>,
    pub(super) scope: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) nonce: Option<String>,
    pub(super) authenticated: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) redeemed: Option<FamilyId>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Grants {
    families: Vec<Family>,
    refresh_tokens: HashMap<Digest, (FamilyId, usize)>,
    access_tokens: HashMap<Digest, AccessToken>,
    codes: HashMap<Digest, Code>,
    /// From where the tokens of each family were used.
    addresses: HashMap<FamilyId, HashSet<IpAddr>>,
    access_serial: u64,
    sweep_access_at: usize,
    sweep_codes_at: usize,
}

/// Addresses that are remembered of one family; beyond, it is used from everywhere.
const MOST_ADDRESSES: usize = 64;

/// How long something that has expired can still be told from something that never was.
const REMEMBERED_AFTER_EXPIRY_S: u64 = 86_400;

/// Tables are swept when they have doubled, but not below this size.
const SMALLEST_SWEEP: usize = 1024;

impl Grants {
    /// Starts a family; its tokens follow.
    pub(super) fn start(&mut self, family: Family) -> FamilyId {
        let id = family.id;
        self.families.push(family);
        id
    }

    /// The number that the next family gets.
    pub(super) fn next_id(&self) -> FamilyId {
        FamilyId(self.families.len() as u64 + 1)
    }

    pub(super) fn family(&self, id: FamilyId) -> Option<&Family> {
        self.families.get(usize::try_from(id.0.checked_sub(1)?).ok()?)
    }

    pub(super) fn family_mut(&mut self, id: FamilyId) -> Option<&mut Family> {
        self.families.get_mut(usize::try_from(id.0.checked_sub(1)?).ok()?)
    }

    /// Notes that a token of a family was used from an address; returns from how many so far.
    pub(super) fn note_address(&mut self, id: FamilyId, address: IpAddr) -> usize {
        let known = self.addresses.entry(id).or_default();
        if known.len() < MOST_ADDRESSES {
            known.insert(address);
        }
        known.len()
    }

    /// The families whose tokens were used from more than one address, with the addresses in order.
    pub(super) fn shared(&self) -> impl Iterator<Item = (&Family, Vec<IpAddr>)> {
        self.families.iter().filter_map(|family| {
            let mut known: Vec<_> = self.addresses.get(&family.id)?.iter().copied().collect();
            known.sort_unstable();
            (known.len() > 1).then_some((family, known))
        })
    }

    pub(super) fn families(&self) -> impl DoubleEndedIterator<Item = &Family> {
        self.families.iter()
    }

    /// Adds a refresh token to a family; returns its place.
    pub(super) fn add_refresh_token(
        &mut self,
        id: FamilyId,
        predecessor: Option<usize>,
        secret: Secret,
        now: Timestamp,
    ) -> usize {
        let digest = secret.digest();
        let family = self.family_mut(id).expect("tokens are issued to families that were started");
        let place = family.tokens.len();
        let generation = predecessor.map_or(1, |place| family.tokens[place].generation.saturating_add(1));
        family.tokens.push(RefreshToken::issued(secret, generation, now));
        if let Some(predecessor) = predecessor {
            family.tokens[predecessor].successors.push(place);
        }
        self.refresh_tokens.insert(digest, (id, place));
        place
    }

    /// Where a presented refresh token belongs.
    pub(super) fn find_refresh_token(&self, presented: &str) -> Option<(FamilyId, usize)> {
        self.refresh_tokens.get(&Digest::of(presented)).copied()
    }

    pub(super) fn add_access_token(&mut self, secret: &Secret, mut token: AccessToken, now: Timestamp) {
        if self.access_tokens.len() >= self.sweep_access_at {
            let remembered = |token: &AccessToken| is_remembered(token.expires, now);
            self.access_tokens.retain(|_, token| remembered(token));
            self.sweep_access_at = (self.access_tokens.len() * 2).max(SMALLEST_SWEEP);
        }
        self.access_serial += 1;
        token.serial = self.access_serial;
        self.access_tokens.insert(secret.digest(), token);
    }

    /// Ends the access tokens that a family has so far.
    pub(super) fn end_access_tokens(&mut self, id: FamilyId) {
        let oldest = self.access_serial + 1;
        if let Some(family) = self.family_mut(id) {
            family.oldest_access = oldest;
        }
    }

    pub(super) fn access_token(&self, presented: &str) -> Option<&AccessToken> {
        self.access_tokens.get(&Digest::of(presented))
    }

    pub(super) fn access_token_mut(&mut self, presented: &str) -> Option<&mut AccessToken> {
        self.access_tokens.get_mut(&Digest::of(presented))
    }

    pub(super) fn add_code(&mut self, secret: &Secret, code: Code, now: Timestamp) {
        if self.codes.len() >= self.sweep_codes_at {
            self.codes.retain(|_, code| is_remembered(code.expires, now));
            self.sweep_codes_at = (self.codes.len() * 2).max(SMALLEST_SWEEP);
        }
        self.codes.insert(secret.digest(), code);
    }

    pub(super) fn code_mut(&mut self, presented: &str) -> Option<&mut Code> {
        self.codes.get_mut(&Digest::of(presented))
    }

    /// Ends a family; false if it had ended before.
    pub(super) fn revoke(&mut self, id: FamilyId, cause: RevocationCause, now: Timestamp) -> bool {
        let Some(family) = self.family_mut(id).filter(|family| family.revoked.is_none()) else {
            return false;
        };
        family.revoked = Some((now, cause));
        true
    }

    /// The live families that a condition selects.
    pub(super) fn live(&self, condition: impl Fn(&Family) -> bool) -> Vec<FamilyId> {
        let live = self.families.iter().filter(|family| family.revoked.is_none() && condition(family));
        live.map(|family| family.id).collect()
    }
}

fn is_remembered(expires: Timestamp, now: Timestamp) -> bool {
    expires.plus_seconds(REMEMBERED_AFTER_EXPIRY_S) > now
}

impl Family {
    /// When a refresh token stops working, by being idle or by age; whichever limit there is.
    pub(super) fn limits(
        &self,
        place: usize,
        lifetimes: &Lifetimes,
    ) -> (Option<Timestamp>, Option<Timestamp>) {
        let token = &self.tokens[place];
        let anchor = if lifetimes.refresh_absolute_restarts { token.issued } else { self.created };
        let idle_since = token.last_used.unwrap_or(token.issued);
        (
            lifetimes.refresh_idle_s.map(|seconds| idle_since.plus_seconds(seconds)),
            lifetimes.refresh_absolute_s.map(|seconds| anchor.plus_seconds(seconds)),
        )
    }
}

impl RefreshToken {
    fn issued(secret: Secret, generation: u32, now: Timestamp) -> Self {
        Self {
            secret,
            generation,
            issued: now,
            last_used: None,
            spent: None,
            replays: 0,
            presented: 0,
            superseded: false,
            successors: Vec::new(),
        }
    }
}
