//! The API key of a store that has never had one: made and shown by the first server on it.

use std::io;

use evergrant::{NewApiKey, store::access::KeyScope};
use evergrant_server::ApiKey;

use super::say;
use crate::{failure::Failure, output, session::Session};

/// What makes a key by hand.
const BY_HAND: &str = "evergrant api-keys create NAME --scope admin --all-namespaces";

/// Makes the first key and shows it, once and never again. What is said of it is a line of a log in `json`.
pub(super) async fn show(session: &Session, json: bool) -> Result<(), Failure> {
    if is_journal(std::env::var("JOURNAL_STREAM").ok().as_deref(), io::stdout()) {
        // What is printed here is kept, and read by others.
        if session.keeper.access(None).await?.is_some_and(|access| access.keys.is_empty()) {
            let none = format!(
                "there is no API key yet; none is written to the journal: run `{BY_HAND}` as the user of this \
                 server and on its store (docs/api-keys.md)"
            );
            say(json, &none);
        }
        return Ok(());
    }
    let key = ApiKey::generate();
    let new = NewApiKey {
        digest: key.digest(),
        name: "made by the first start".parse().expect("a constant that is one"),
        namespace: None,
        scope: KeyScope::Admin,
        expires_at: None,
    };
    if session.keeper.add_first_api_key(new).await?.is_some() {
        output::print(&format!("API key, shown this once: {}", key.expose()))?;
        say(json, "it may do everything; smaller ones: `evergrant api-keys create --help`, docs/api-keys.md");
    }
    Ok(())
}

/// Whether the output goes to the journal of systemd, which says so by device and inode of the stream
/// (systemd.exec(5), `$JOURNAL_STREAM`).
fn is_journal(stream: Option<&str>, output: impl rustix::fd::AsFd) -> bool {
    let Some((device, inode)) = stream.and_then(|stream| stream.split_once(':')) else { return false };
    let Ok(status) = rustix::fs::fstat(output) else { return false };
    (device.parse(), inode.parse()) == (Ok(status.st_dev), Ok(status.st_ino))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_recognised_by_device_and_inode_of_its_stream() {
        let file = tempfile::tempfile().unwrap();
        let status = rustix::fs::fstat(&file).unwrap();
        let stream = format!("{}:{}", status.st_dev, status.st_ino);
        assert!(is_journal(Some(&stream), &file));
        for other in [None, Some(""), Some("1:2"), Some("x:y")] {
            assert!(!is_journal(other, &file), "{other:?}");
        }
    }
}
