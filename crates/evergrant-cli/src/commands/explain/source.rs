//! Where the text comes from.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read},
};

use evergrant_explain::reading::MAX_INPUT_BYTES;

use super::path_of;
use crate::{failure::Failure, output};

/// Reads a file, stdin, or takes the argument itself for the text.
pub(super) fn read(input: Option<&str>) -> Result<Vec<u8>, Failure> {
    match input {
        None | Some("-") => {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                output::note("paste what you have, then press Ctrl-D");
            }
            bounded(stdin.lock(), "stdin")
        }
        Some(input) => match path_of(input) {
            Some(path) => bounded(opened(input, &path)?, input),
            None => taken_as_text(input),
        },
    }
}

/// A sentence, or a body in quotation marks. A single word with a dot or slash was meant as a file.
fn taken_as_text(input: &str) -> Result<Vec<u8>, Failure> {
    let meant_as_file = !input.contains(char::is_whitespace)
        && !input.starts_with(['{', '[', '"'])
        && input.contains(['/', '.']);
    if meant_as_file {
        return Err(Failure::usage(format!("there is no file {input}")));
    }
    Ok(input.as_bytes().to_vec())
}

fn opened(name: &str, path: &std::path::Path) -> Result<File, Failure> {
    let file = File::open(path).map_err(|error| Failure::new(&format!("cannot read {name}"), error))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Failure::usage(format!("{name} is a folder")));
    }
    Ok(file)
}

/// One byte more than is allowed: the reader says how much that is.
fn bounded(source: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    source
        .take(MAX_INPUT_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(&format!("cannot read {name}"), error))?;
    Ok(bytes)
}

/// Lines, each bounded.
pub(super) struct Lines {
    source: Box<dyn BufRead>,
    number: usize,
}

/// The lines of a file or of stdin.
pub(super) fn lines(input: Option<&str>) -> Result<Lines, Failure> {
    let source: Box<dyn BufRead> = match input {
        None | Some("-") => Box::new(io::stdin().lock()),
        Some(name) => {
            let path = path_of(name).ok_or_else(|| Failure::usage(format!("there is no file {name}")))?;
            Box::new(BufReader::new(opened(name, &path)?))
        }
    };
    Ok(Lines { source, number: 0 })
}

impl Lines {
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// The next line, cut to one byte more than is allowed; the rest of an endless one is skipped.
    pub(super) fn next_line(&mut self) -> Result<Option<String>, Failure> {
        let cannot = |error| Failure::new("cannot read the lines", error);
        let mut bytes = Vec::new();
        let limit = MAX_INPUT_BYTES as u64 + 1;
        let read = self.source.by_ref().take(limit).read_until(b'\n', &mut bytes).map_err(cannot)?;
        if read == 0 {
            return Ok(None);
        }
        if !bytes.ends_with(b"\n") {
            self.source.skip_until(b'\n').map_err(cannot)?;
        }
        self.number += 1;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}
