//! What is printed, and how.

pub(crate) mod diagnosis;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Lines of prose are read badly beyond this.
const WIDEST: usize = 100;

/// How many columns prose may take on stdout.
pub(crate) fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stdout()).map(|size| usize::from(size.ws_col)).ok();
    columns.filter(|columns| *columns > 0).unwrap_or(WIDEST).min(WIDEST)
}

/// Prints lines of our own making on stdout, as they are. A reader that has gone away (`| head`) is no error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot write to stdout", error))
        }
        _ => Ok(()),
    }
}

/// Prints bytes of somebody else's making on stdout.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot write to stdout", error))
        }
        _ => Ok(()),
    }
}

/// Prints one JSON document on stdout.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&serde_json::to_string_pretty(value).expect("what is printed has text keys"))
}

/// Tells the person something that is not the result.
pub(crate) fn note(text: &str) {
    // Nobody may be reading, which is no reason to stop.
    let _ = writeln!(io::stderr().lock(), "{}", text::clean(text));
}
