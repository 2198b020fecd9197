//! Lines in a stream of bytes, one at a time: what is in memory is one piece of the stream and one line.

use std::fmt;

use aws_lc_rs::digest;
use bytes::{Buf, Bytes};
use zeroize::{Zeroize, Zeroizing};

/// The longest line, in bytes. A refresh token of an odd provider has a few kilobytes.
pub const LONGEST_LINE: usize = 64 * 1024;

/// What some programs write before anything else (U+FEFF).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line that holds more than white space.
#[derive(PartialEq, Eq)]
pub struct Found {
    /// Which one, from 1; blank lines count.
    pub number: u64,
    /// Without its end; `None`: it is longer than [`LONGEST_LINE`].
    pub bytes: Option<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Found").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Takes pieces of a stream and gives its lines.
pub struct Lines {
    /// What was not looked at yet.
    rest: Bytes,
    /// The beginning of a line whose end has not come.
    begun: Zeroizing<Vec<u8>>,
    too_long: bool,
    /// Of the last line that has ended.
    number: u64,
    digest: digest::Context,
}

impl fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is in memory holds tokens.
        formatter.debug_struct("Lines").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            rest: Bytes::new(),
            begun: Zeroizing::new(Vec::with_capacity(LONGEST_LINE)),
            too_long: false,
            number: 0,
            digest: digest::Context::new(&digest::SHA256),
        }
    }
}

impl Lines {
    /// Takes the next piece. Every line of the one before was asked for.
    pub fn feed(&mut self, piece: impl Into<Bytes>) {
        self.rest = piece.into();
    }

    /// The next line that has ended.
    pub fn next_line(&mut self) -> Option<Found> {
        loop {
            let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') else {
                let rest = std::mem::take(&mut self.rest);
                self.begin(&rest);
                return None;
            };
            let line = self.rest.split_to(end);
            self.rest.advance(1);
            self.begin(&line);
            if let Some(found) = self.end() {
                return Some(found);
            }
        }
    }

    /// The last line, if the stream has ended without the end of a line.
    pub fn last_line(&mut self) -> Option<Found> {
        if self.begun.is_empty() && !self.too_long { None } else { self.end() }
    }

    /// A digest (SHA-256) of every line that was given so far.
    #[expect(clippy::missing_panics_doc, reason = "SHA-256 has 32 bytes")]
    pub fn digest(&self) -> [u8; 32] {
        let digest = self.digest.clone().finish();
        digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    fn begin(&mut self, piece: &[u8]) {
        if self.begun.len() + piece.len() > LONGEST_LINE {
            self.too_long = true;
        }
        if !self.too_long {
            self.begun.extend_from_slice(piece);
        }
    }

    fn end(&mut self) -> Option<Found> {
        self.number += 1;
        let begun: &[u8] = &self.begun;
        let line = begun.strip_prefix(BYTE_ORDER_MARK).filter(|_| self.number == 1).unwrap_or(begun);
        let bytes = (!self.too_long).then(|| Zeroizing::new(line.to_vec()));
        // The beginning that is kept here is not to stay in memory; its place is.
        self.begun.as_mut_slice().zeroize();
        self.begun.clear();
        self.too_long = false;
        if bytes.as_ref().is_some_and(|line| line.trim_ascii().is_empty()) {
            return None;
        }
        self.note(bytes.as_deref().map_or(&[], Vec::as_slice));
        Some(Found { number: self.number, bytes })
    }

    /// Numbers and lengths too, so that no two files have one digest.
    fn note(&mut self, line: &[u8]) {
        self.digest.update(&self.number.to_be_bytes());
        self.digest.update(&(line.len() as u64).to_be_bytes());
        self.digest.update(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a text that comes in pieces of this size.
    fn lines(text: &[u8], size: usize) -> Vec<(u64, Option<String>)> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for piece in text.chunks(size) {
            lines.feed(Bytes::copy_from_slice(piece));
            found.extend(std::iter::from_fn(|| lines.next_line()));
        }
        found.extend(lines.last_line());
        let text = |bytes: Zeroizing<Vec<u8>>| String::from_utf8(bytes.to_vec()).unwrap();
        found.into_iter().map(|line| (line.number, line.bytes.map(text))).collect()
    }

    #[test]
    fn lines_are_the_same_however_the_stream_is_cut() {
        let text = b"\xef\xbb\xbf{\"a\":1}\r\n\n  \n{\"b\":2}\n\n{\"c\":3}";
        let expected = vec![
            (1, Some("{\"a\":1}\r".to_owned())),
            (4, Some("{\"b\":2}".to_owned())),
            (6, Some("{\"c\":3}".to_owned())),
        ];
        for size in 1..=text.len() {
            assert_eq!(lines(text, size), expected, "pieces of {size}");
        }
        assert_eq!(lines(b"", 1), []);
        assert_eq!(lines(b"\n\n", 1), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_found() {
        let text = format!(
            "{}\n{}\nshort\n{}",
            "a".repeat(LONGEST_LINE),
            "b".repeat(LONGEST_LINE + 1),
            "c".repeat(LONGEST_LINE * 3)
        );
        for size in [1000, LONGEST_LINE, text.len()] {
            let found = lines(text.as_bytes(), size);
            let shapes: Vec<_> =
                found.iter().map(|(number, line)| (*number, line.as_ref().map(String::len))).collect();
            assert_eq!(shapes, [(1, Some(LONGEST_LINE)), (2, None), (3, Some(5)), (4, None)]);
        }
    }

    #[test]
    fn a_digest_tells_what_was_read_so_far() {
        let digest = |text: &str| {
            let mut lines = Lines::default();
            lines.feed(Bytes::copy_from_slice(text.as_bytes()));
            while lines.next_line().is_some() {}
            lines.digest()
        };
        assert_eq!(digest("a\nb\n"), digest("a\nb\n"));
        assert_eq!(digest("a\nb\n"), digest("a\nb\nc"), "what has no end yet is not part of it");
        for other in ["a\n", "a\nc\n", "a\n\nb\n", "ab\n", "b\na\n"] {
            assert_ne!(digest("a\nb\n"), digest(other), "{other:?}");
        }
    }
}
