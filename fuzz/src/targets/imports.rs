//! Lines of an import: found in a stream however it is cut, and refused without repeating anything that may be a token.

use evergrant_proto::{
    name::{ClientName, Namespace},
    time::Timestamp,
};
use evergrant_server::import::{Entry, Found, LineReader, Lines};

use crate::secrecy::{CANARY, assert_masked, assert_silent};

/// The first byte says how large the pieces are.
pub(super) fn import_lines(bytes: &[u8]) {
    let Some((size, text)) = bytes.split_first() else { return };
    let (found, digest) = lines(text, text.len());
    let cut = lines(text, usize::from(*size));
    assert!(cut.0 == found && cut.1 == digest, "lines depend on how the stream is cut");
    let client = ClientName::new("crm").ok();
    let reader = LineReader { namespace: Namespace::default(), client, now: Timestamp(1_800_000_000_000) };
    for line in &found {
        let read = reader.read(line);
        match &read.grant {
            Ok(new) => {
                let access = new.access_token.as_ref().map(|(token, _)| token.expose());
                let tokens: Vec<_> = access.into_iter().chain([new.refresh_token.expose()]).collect();
                assert_masked(text, &tokens, &read);
            }
            Err(refused) => {
                let entry = Entry::refused(line.number, read.external_id.clone(), refused.clone());
                let entry = serde_json::to_string(&entry).expect("a report is plain data");
                assert_silent(&[CANARY], &entry);
            }
        }
    }
}

/// The lines of a text that comes in pieces, and their digest.
fn lines(text: &[u8], size: usize) -> (Vec<Found>, [u8; 32]) {
    let (mut lines, mut found) = (Lines::default(), Vec::new());
    for piece in text.chunks(size.max(1)) {
        lines.feed(piece.to_vec());
        found.extend(std::iter::from_fn(|| lines.next_line()));
    }
    found.extend(lines.last_line());
    (found, lines.digest())
}
