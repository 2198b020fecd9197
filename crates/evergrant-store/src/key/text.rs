//! The text of keys, as it stands in a key file:
//!
//! ```text
//! # Comments and empty lines are skipped.
//! evergrant-keys 1
//! primary 0123456789abcdef
//! key 0123456789abcdef 1795222891 BASE64
//! key fedcba9876543210 1763686891 BASE64
//! ```
//!
//! `key` is followed by the key's id, the time it was made in seconds since 1970, and the key itself. An id is
//! computed from its key, so that a damaged or mistyped key is noticed; anything unexpected is refused.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use evergrant_proto::time::Timestamp;
use zeroize::Zeroizing;

use super::{KEY_BYTES, KeyId, KeyRing, MasterKey};

const TITLE: &str = "evergrant-keys";
const VERSION: &str = "1";
const NOTICE: &str = "# Whoever has this file and the store can read every credential in it. Without this file\n\
                      # nobody can: keep a copy, apart from the copies of the store.\n";

/// Why a text is not a set of keys. Lines count from 1; no part of the text is repeated, it may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedKeys {
    /// The text does not begin as a key file does.
    #[error("it is not a key file of Evergrant (no line \"{TITLE} {VERSION}\")")]
    NotAKeyFile,
    /// A newer Evergrant wrote it.
    #[error("it was written by a newer version; upgrade Evergrant")]
    NewerVersion,
    /// Neither `primary` nor `key`, or not made as they are.
    #[error("line {0} cannot be understood; restore the file from its copy")]
    Line(usize),
    /// The key does not have the name that stands beside it.
    #[error("the key in line {0} is damaged; restore the file from its copy")]
    DamagedKey(usize),
    /// No, or more than one, `primary` line, or it names a key that is not there.
    #[error("it does not name one of its keys as primary; restore the file from its copy")]
    NoPrimary,
    /// Its last line is not whole.
    #[error("it is cut off at its end; restore the file from its copy")]
    Truncated,
}

pub(super) fn print(ring: &KeyRing) -> Zeroizing<String> {
    // Sized beforehand: a string that grows leaves copies of the keys behind.
    let keys = ring.iter().count();
    let mut text = Zeroizing::new(String::with_capacity(NOTICE.len() + 64 + keys * 128));
    text.push_str(NOTICE);
    let _ = writeln!(*text, "{TITLE} {VERSION}\nprimary {}", ring.primary().id());
    for key in ring.iter() {
        let created = key.created.map_or(0, Timestamp::seconds);
        let secret = encode(key.expose());
        let _ = writeln!(*text, "key {} {created} {}", key.id(), secret.as_str());
    }
    text
}

pub(super) fn parse(text: &str) -> Result<KeyRing, MalformedKeys> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    match lines.next().and_then(|(_, line)| line.split_once(' ')) {
        Some((TITLE, VERSION)) => {}
        Some((TITLE, _)) => return Err(MalformedKeys::NewerVersion),
        _ => return Err(MalformedKeys::NotAKeyFile),
    }
    if !text.ends_with('\n') {
        return Err(MalformedKeys::Truncated);
    }
    let (mut primaries, mut keys) = (Vec::new(), Vec::new());
    for (number, line) in lines {
        match line.split_once(' ') {
            Some(("primary", id)) => primaries.push(id),
            Some(("key", rest)) => keys.push(parse_key(number, rest)?),
            _ => return Err(MalformedKeys::Line(number)),
        }
    }
    let &[primary] = primaries.as_slice() else { return Err(MalformedKeys::NoPrimary) };
    let position = keys.iter().position(|key| key.id().to_string() == primary);
    let primary = keys.swap_remove(position.ok_or(MalformedKeys::NoPrimary)?);
    Ok(KeyRing::new(primary, keys))
}

fn parse_key(number: usize, rest: &str) -> Result<MasterKey, MalformedKeys> {
    let fields: Vec<_> = rest.split(' ').collect();
    let &[id, created, secret] = fields.as_slice() else { return Err(MalformedKeys::Line(number)) };
    let created: i64 = created.parse().map_err(|_| MalformedKeys::Line(number))?;
    let secret = decode(secret).ok_or(MalformedKeys::DamagedKey(number))?;
    let created = (created != 0).then(|| Timestamp::from_seconds(created));
    let key = MasterKey::from_secret(secret, created);
    if key.id().to_string() != id {
        return Err(MalformedKeys::DamagedKey(number));
    }
    Ok(key)
}

pub(super) fn encode(secret: &[u8; KEY_BYTES]) -> Zeroizing<String> {
    Zeroizing::new(BASE64_STANDARD.encode(secret))
}

/// A key from Base64, or nothing if it is not one. Never says what it read.
pub(super) fn decode(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    // One byte more than a key: a longer text must be noticed, not cut off.
    let mut buffer = Zeroizing::new([0; KEY_BYTES + 1]);
    let length = BASE64_STANDARD.decode_slice(text, buffer.as_mut_slice()).ok()?;
    if length != KEY_BYTES {
        return None;
    }
    secret.copy_from_slice(&buffer[..KEY_BYTES]);
    Some(secret)
}

impl KeyId {
    /// An id as it is printed, or nothing if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 2 * Self::BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; Self::BYTES];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        KeyRing::new(MasterKey::generate(Timestamp(9_000)), [MasterKey::generate(Timestamp(4_000))])
    }

    #[test]
    fn a_printed_ring_reads_back() {
        let ring = ring();
        let read = parse(&print(&ring)).unwrap();
        assert_eq!(read.status(), ring.status());
        assert_eq!(read.primary().expose(), ring.primary().expose());
    }

    #[test]
    fn a_text_cut_anywhere_is_refused() {
        let text = print(&ring());
        let start = text.find(TITLE).unwrap();
        for end in start..text.len() {
            // Cut between two lines of keys it is a smaller ring; the primary comes first, so it is never lost.
            if text[..end].ends_with('\n') && text[..end].contains("key ") {
                continue;
            }
            assert!(parse(&text[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_changed_character_of_a_key_is_noticed() {
        let text = print(&ring());
        let line = text.lines().position(|line| line.starts_with("key ")).unwrap() + 1;
        let end = text.find("key ").unwrap() + text[text.find("key ").unwrap()..].find('\n').unwrap();
        let mut damaged = text.to_string();
        let old = damaged.as_bytes()[end - 5];
        damaged.replace_range(end - 5..end - 4, if old == b'A' { "B" } else { "A" });
        assert_eq!(parse(&damaged).unwrap_err(), MalformedKeys::DamagedKey(line));
    }

    #[test]
    fn another_text_is_refused_with_the_reason() {
        assert_eq!(parse("").unwrap_err(), MalformedKeys::NotAKeyFile);
        assert_eq!(parse("-----BEGIN PRIVATE KEY-----\n").unwrap_err(), MalformedKeys::NotAKeyFile);
        assert_eq!(parse("evergrant-keys 2\n").unwrap_err(), MalformedKeys::NewerVersion);
        assert_eq!(parse("evergrant-keys 1\n").unwrap_err(), MalformedKeys::NoPrimary);
        assert_eq!(parse("evergrant-keys 1\nkeys\n").unwrap_err(), MalformedKeys::Line(2));
    }

    #[test]
    fn a_key_id_reads_back_and_nothing_else_does() {
        let id = MasterKey::generate(Timestamp(0)).id();
        assert_eq!(KeyId::parse(&id.to_string()), Some(id));
        assert_eq!(KeyId::parse("0123"), None);
        assert_eq!(KeyId::parse("+123456789abcdef"), None);
    }
}
