//! One slot as bytes.
//!
//! ```text
//! 0  magic (4) | version (1) | state (1) | zero (2)
//! 8  holder (16) | number of the reservation (8) | bytes of the body (4) | zero (28)
//! 64 SHA-256 of bytes 0 to 63 and of the body (32)
//! 96 body: store (16) | epoch (16) | attempt (16) | subject after its length (2) | sealed value
//! ```
//!
//! A slot whose header is all zero is empty. Numbers are big-endian.

use aws_lc_rs::digest;
use evergrant_proto::name::{AttemptId, HolderId};
use uuid::Uuid;

use super::Record;
use crate::anchor::{Epoch, StoreId};

pub(super) const HEADER_BYTES: usize = 96;
const CHECKSUM_AT: usize = 64;
const MAGIC_AND_VERSION: &[u8; 5] = b"EGLB\x01";
const RESERVED: u8 = 1;
const FILLED: u8 = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slot {
    Empty,
    Held { holder: HolderId, number: u64, content: Content },
    Damaged,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    Record(Record),
}

impl Slot {
    pub(super) fn reserved(holder: HolderId, number: u64) -> Self {
        Self::Held { holder, number, content: Content::Nothing }
    }

    pub(super) fn filled(holder: HolderId, number: u64, record: Record) -> Self {
        Self::Held { holder, number, content: Content::Record(record) }
    }

    /// How long the body is, as far as the header can be believed.
    pub(super) fn body_bytes(header: &[u8; HEADER_BYTES]) -> usize {
        let length = header[32..].first_chunk().expect("a header is longer than its length field");
        u32::from_be_bytes(*length) as usize
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let Self::Held { holder, number, content } = self else { return vec![0; HEADER_BYTES] };
        let (state, body) = match content {
            Content::Nothing => (RESERVED, Vec::new()),
            Content::Record(record) => (FILLED, encode_record(record)),
        };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend_from_slice(MAGIC_AND_VERSION);
        bytes.push(state);
        bytes.resize(8, 0);
        bytes.extend_from_slice(&holder.0.to_be_bytes());
        bytes.extend_from_slice(&number.to_be_bytes());
        // A body beyond 4 GiB fits into no slot, so its length is never read.
        bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.resize(CHECKSUM_AT, 0);
        let checksum = checksum(&bytes, &body);
        bytes.extend_from_slice(checksum.as_ref());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads a slot: its header and as much of its body as the header announces.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Self::Damaged };
        if header.iter().all(|byte| *byte == 0) {
            return Self::Empty;
        }
        let (signed, expected) = header.split_at(CHECKSUM_AT);
        let intact = signed.starts_with(MAGIC_AND_VERSION) && checksum(signed, body).as_ref() == expected;
        let content = match (intact, header[MAGIC_AND_VERSION.len()]) {
            (true, RESERVED) => Some(Content::Nothing),
            (true, FILLED) => decode_record(body).map(Content::Record),
            _ => None,
        };
        let mut fields = &header[8..];
        let holder = take(&mut fields).map(u128::from_be_bytes).map(HolderId);
        let number = take(&mut fields).map(u64::from_be_bytes);
        match (content, holder, number) {
            (Some(content), Some(holder), Some(number)) => Self::Held { holder, number, content },
            _ => Self::Damaged,
        }
    }
}

fn checksum(header: &[u8], body: &[u8]) -> digest::Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(header);
    context.update(body);
    context.finish()
}

fn encode_record(record: &Record) -> Vec<u8> {
    let mut body = Vec::with_capacity(256 + record.sealed.len());
    body.extend_from_slice(record.store.0.as_bytes());
    body.extend_from_slice(&record.epoch.0.to_be_bytes());
    body.extend_from_slice(&record.attempt.0.to_be_bytes());
    let length = u16::try_from(record.subject.len()).expect("an id is at most 64 characters long");
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(record.subject.as_bytes());
    body.extend_from_slice(&record.sealed);
    body
}

fn decode_record(mut body: &[u8]) -> Option<Record> {
    let rest = &mut body;
    Some(Record {
        store: StoreId(Uuid::from_bytes(take(rest)?)),
        epoch: Epoch(u128::from_be_bytes(take(rest)?)),
        attempt: AttemptId(u128::from_be_bytes(take(rest)?)),
        subject: take_text(rest)?,
        sealed: rest.to_vec(),
    })
}

fn take<const BYTES: usize>(rest: &mut &[u8]) -> Option<[u8; BYTES]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let length = u16::from_be_bytes(take(rest)?);
    let (text, left) = rest.split_at_checked(usize::from(length))?;
    *rest = left;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(sealed: Vec<u8>) -> Slot {
        let record = Record {
            store: StoreId(Uuid::from_u128(1)),
            epoch: Epoch(2),
            attempt: AttemptId(3),
            subject: "g_4".into(),
            sealed,
        };
        Slot::filled(HolderId(5), 6, record)
    }

    #[test]
    fn an_empty_and_a_reserved_slot_read_back() {
        assert_eq!(Slot::decode(&Slot::Empty.encode()), Slot::Empty);
        let reserved = Slot::reserved(HolderId(5), 6);
        assert_eq!(Slot::decode(&reserved.encode()), reserved);
    }

    proptest! {
        #[test]
        fn a_filled_slot_reads_back(sealed in proptest::collection::vec(any::<u8>(), 0..300)) {
            let slot = filled(sealed);
            prop_assert_eq!(Slot::decode(&slot.encode()), slot);
        }

        #[test]
        fn a_slot_with_any_bit_changed_is_damaged(position in any::<proptest::sample::Index>()) {
            let mut bytes = filled(vec![7; 40]).encode();
            let bit = position.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Slot::decode(&bytes), Slot::Damaged);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Slot::decode(&bytes);
        }
    }
}
