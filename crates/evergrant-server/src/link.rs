//! Links for re-authorization: what a program gets with its 409 and hands to the user.
//!
//! A link is made without touching the store, so that a program that asks again and again for a dead grant neither
//! writes nor ends the link that its user is just following. It names the grant and its end, signed. Opening it asks
//! first; only its button opens an authorization, which can be used once and ends the ones before.

mod repairs;

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use evergrant::proto::{authorization::LINK_LIFETIME, name::GrantId, time::Timestamp};

pub(crate) use self::repairs::Repairs;
use crate::random;

/// A tag of 128 bits cannot be guessed within the life of a link, and keeps it short enough for a message.
const TAG_BYTES: usize = 16;

/// Grant, end, tag.
const LINK_BYTES: usize = 16 + 8 + TAG_BYTES;

/// So that the key can never be made to sign something else.
const PURPOSE: &[u8] = b"evergrant re-authorization link 1";

/// What signs links.
#[derive(Clone)]
pub struct LinkKey(hmac::Key);

/// Why a link leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeadLink {
    /// Not made by this server, or by an earlier process with another key.
    Unknown,
    /// It led to this grant.
    Expired(GrantId),
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
        let mut link = payload(grant, end);
        link.extend_from_slice(&self.tag(&link));
        URL_SAFE_NO_PAD.encode(link)
    }

    /// The grant that a link repairs.
    pub(crate) fn read(&self, link: &str, now: Timestamp) -> Result<GrantId, DeadLink> {
        let bytes = URL_SAFE_NO_PAD.decode(link).map_err(|_| DeadLink::Unknown)?;
        if bytes.len() != LINK_BYTES {
            return Err(DeadLink::Unknown);
        }
        let (payload, tag) = bytes.split_at(LINK_BYTES - TAG_BYTES);
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.tag(payload), tag)
            .map_err(|_| DeadLink::Unknown)?;
        let (grant, end) = payload.split_at(16);
        let end = Timestamp(i64::from_be_bytes(end.try_into().map_err(|_| DeadLink::Unknown)?));
        let grant = GrantId(u128::from_be_bytes(grant.try_into().map_err(|_| DeadLink::Unknown)?));
        if now >= end { Err(DeadLink::Expired(grant)) } else { Ok(grant) }
    }

    fn tag(&self, payload: &[u8]) -> [u8; TAG_BYTES] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(PURPOSE);
        context.update(payload);
        context.sign().as_ref()[..TAG_BYTES].try_into().expect("HMAC-SHA256 has 32 bytes")
    }
}

fn payload(grant: GrantId, end: Timestamp) -> Vec<u8> {
    [&grant.0.to_be_bytes()[..], &end.0.to_be_bytes()].concat()
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LinkKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_link_leads_to_its_grant_until_its_end() {
        let key = LinkKey::generate();
        let link = key.sign(GrantId(42), NOW);
        assert_eq!(key.read(&link, NOW), Ok(GrantId(42)));
        assert_eq!(key.read(&link, NOW.plus(LINK_LIFETIME)), Err(DeadLink::Expired(GrantId(42))));
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
