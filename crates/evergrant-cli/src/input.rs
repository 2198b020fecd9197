//! Secrets as people and scripts hand them over: from a file, from stdin, or typed unseen. Never from argv, which
//! every user of the machine can read.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use evergrant::proto::secret::MAX_SECRET_BYTES;
use zeroize::Zeroizing;

use crate::{failure::Failure, output};

/// Where one secret comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SecretSource<'a> {
    Stdin,
    File(&'a Path),
    /// Asks on the terminal.
    Prompt,
}

impl<'a> SecretSource<'a> {
    /// The source that two options name; the prompt if neither does and somebody is there.
    pub(crate) fn of(stdin: bool, file: Option<&'a Path>) -> Option<Self> {
        match (stdin, file) {
            (true, _) => Some(Self::Stdin),
            (false, Some(file)) => Some(Self::File(file)),
            (false, None) => io::stdin().is_terminal().then_some(Self::Prompt),
        }
    }

    /// Reads the secret; one line end is cut off. `what` names it for people. Blocks.
    pub(crate) fn read(self, what: &str) -> Result<Zeroizing<String>, Failure> {
        let cannot = |error: io::Error| Failure::new(&format!("cannot read the {what}"), error);
        match self {
            Self::Stdin => bounded(io::stdin().lock(), what),
            Self::File(path) => {
                let file = File::open(path).map_err(|error| {
                    Failure::new(&format!("cannot read the {what} from {}", path.display()), error)
                })?;
                warn_if_shared(&file, path);
                bounded(file, what)
            }
            Self::Prompt => {
                let prompt = format!("{what} (not shown): ");
                Ok(Zeroizing::new(rpassword::prompt_password(prompt).map_err(cannot)?))
            }
        }
    }
}

fn bounded(source: impl Read, what: &str) -> Result<Zeroizing<String>, Failure> {
    let limit = MAX_SECRET_BYTES + 2;
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    source
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(&format!("cannot read the {what}"), error))?;
    if bytes.len() > limit {
        return Err(Failure::new(&format!("the {what} cannot be used"), "it is longer than 64 KiB"));
    }
    let text = str::from_utf8(&bytes)
        .map_err(|_| Failure::new(&format!("the {what} cannot be used"), "it is not text"))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    Ok(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

pub(crate) fn warn_if_shared(file: &File, path: &Path) {
    let shared = file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0);
    if shared {
        output::note(&format!("other users can read {0}; run: chmod 600 {0}", path.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_cut_off_and_nothing_else() {
        assert_eq!(*bounded(&b"hush \r\n"[..], "secret").unwrap(), "hush ");
        assert_eq!(*bounded(&b"hush\n\n"[..], "secret").unwrap(), "hush\n");
    }

    #[test]
    fn what_is_no_secret_is_refused_without_repeating_it() {
        let canary = "canary".repeat(20_000);
        let error = bounded(canary.as_bytes(), "secret").unwrap_err().to_string();
        assert!(error.contains("64 KiB") && !error.contains("canary"), "{error}");
        assert!(bounded(&[0xff][..], "secret").is_err());
    }
}
