//! Links to our own pages, which ask before they lead to the provider.
//!
//! One for re-authorization is what a program gets with its 409 and hands to the user. It is made without touching the
//! store, so that a program that asks again and again for a dead grant neither writes nor ends the link that its user is
//! just following. It names the grant and its end, signed. Opening it asks first; only its button opens an
//! authorization, which can be used once and ends the ones before. The other kind names an authorization that was
//! opened already.

mod repairs;

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use evergrant::proto::{
    authorization::LINK_LIFETIME,
    name::{AuthorizationId, GrantId},
    time::Timestamp,
};

pub(crate) use self::repairs::Repairs;
use crate::random;

/// A tag of 128 bits cannot be guessed within the life of a link, and keeps it short enough for a message.
const TAG_BYTES: usize = 16;

/// Grant or authorization, end, tag.
const LINK_BYTES: usize = 16 + 8 + TAG_BYTES;

/// So that the key can never be made to sign something else, nor one kind of link be taken for the other.
const REPAIR: &[u8] = b"evergrant re-authorization link 1";
const CONNECT: &[u8] = b"evergrant authorization link 1";

/// What signs links.
#[derive(Clone)]
pub struct LinkKey(hmac::Key);

/// Where a link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// To the repair of a grant.
    Grant(GrantId),
    /// To an authorization that is open.
    Authorization(AuthorizationId),
}

/// Why a link leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeadLink {
    /// Not made by this server, or by an earlier process with another key.
    Unknown,
    /// It led there.
    Expired(Target),
}

impl LinkKey {
    /// A new key.
    pub fn generate() -> Self {
        Self::new(&random::bytes())
    }

    /// A key of 256 bits that several servers share.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The last part of a link that repairs a grant.
    pub(crate) fn sign(&self, grant: GrantId, now: Timestamp) -> String {
        self.sign_until(grant, now.plus(LINK_LIFETIME))
    }

    /// The same with another end: for a link that does not go to somebody who is just asking.
    pub(crate) fn sign_until(&self, grant: GrantId, end: Timestamp) -> String {
        self.signed(REPAIR, grant.0, end)
    }

    /// The last part of a link that leads to an authorization until its end.
    pub(crate) fn sign_authorization(&self, authorization: AuthorizationId, end: Timestamp) -> String {
        self.signed(CONNECT, authorization.0, end)
    }

    /// Where a link leads.
    pub(crate) fn read(&self, link: &str, now: Timestamp) -> Result<Target, DeadLink> {
        let bytes = URL_SAFE_NO_PAD.decode(link).map_err(|_| DeadLink::Unknown)?;
        if bytes.len() != LINK_BYTES {
            return Err(DeadLink::Unknown);
        }
        let (payload, tag) = bytes.split_at(LINK_BYTES - TAG_BYTES);
        let (id, end) = payload.split_at(16);
        let id = u128::from_be_bytes(id.try_into().map_err(|_| DeadLink::Unknown)?);
        let end = Timestamp(i64::from_be_bytes(end.try_into().map_err(|_| DeadLink::Unknown)?));
        let is_signed_for = |purpose| {
            aws_lc_rs::constant_time::verify_slices_are_equal(&self.tag(purpose, payload), tag).is_ok()
        };
        let target = if is_signed_for(REPAIR) {
            Target::Grant(GrantId(id))
        } else if is_signed_for(CONNECT) {
            Target::Authorization(AuthorizationId(id))
        } else {
            return Err(DeadLink::Unknown);
        };
        if now >= end { Err(DeadLink::Expired(target)) } else { Ok(target) }
    }

    fn signed(&self, purpose: &[u8], id: u128, end: Timestamp) -> String {
        let mut link = [&id.to_be_bytes()[..], &end.0.to_be_bytes()].concat();
        link.extend_from_slice(&self.tag(purpose, &link));
        URL_SAFE_NO_PAD.encode(link)
    }

    fn tag(&self, purpose: &[u8], payload: &[u8]) -> [u8; TAG_BYTES] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose);
        context.update(payload);
        context.sign().as_ref()[..TAG_BYTES].try_into().expect("HMAC-SHA256 has 32 bytes")
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LinkKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANT: Target = Target::Grant(GrantId(42));
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_link_leads_to_its_grant_until_its_end() {
        let key = LinkKey::generate();
        let link = key.sign(GrantId(42), NOW);
        assert_eq!(key.read(&link, NOW), Ok(GRANT));
        assert_eq!(key.read(&link, NOW.plus(LINK_LIFETIME)), Err(DeadLink::Expired(GRANT)));
    }

    #[test]
    fn a_link_of_one_kind_is_not_taken_for_the_other() {
        let key = LinkKey::generate();
        let target = Target::Authorization(AuthorizationId(42));
        let end = NOW.plus(LINK_LIFETIME);
        let link = key.sign_authorization(AuthorizationId(42), end);
        assert_eq!(key.read(&link, NOW), Ok(target));
        assert_eq!(key.read(&link, end), Err(DeadLink::Expired(target)));
        assert_ne!(link, key.sign_until(GrantId(42), end));
    }

    #[test]
    fn a_link_cannot_be_changed_or_made_without_the_key() {
        let key = LinkKey::generate();
        let link = key.sign(GrantId(42), NOW);
        assert_eq!(LinkKey::generate().read(&link, NOW), Err(DeadLink::Unknown));
        let bytes = URL_SAFE_NO_PAD.decode(&link).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(key.read(&changed, NOW), Err(DeadLink::Unknown), "byte {index}");
        }
        for text in ["", "a", "ü", "../../etc/passwd", &link[1..], &"A".repeat(10_000)] {
            assert_eq!(key.read(text, NOW), Err(DeadLink::Unknown), "{text:.20}");
        }
    }
}
