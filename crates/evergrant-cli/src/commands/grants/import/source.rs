//! Lines of a file or of stdin.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read},
    path::Path,
    thread,
};

use evergrant_server::import::{Found, Lines};
use tokio::sync::mpsc;

use crate::{failure::Failure, input};

/// Bytes that are read at once, and pieces that are read ahead.
const PIECE: usize = 64 * 1024;
const AHEAD: usize = 4;

/// Where lines come from.
#[derive(Debug)]
pub(super) struct Source {
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    lines: Lines,
    ended: bool,
    /// How many lines there are, if somebody watches and it can be told.
    total: Option<u64>,
}

impl Source {
    /// Opens a file, or stdin (`-`). Blocks. Reading goes on in a thread of its own.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Self::of(io::stdin(), None));
        }
        let cannot = |error| Failure::new(&format!("cannot read {}", path.display()), error);
        let file = File::open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if metadata.is_dir() {
            return Err(cannot(io::ErrorKind::IsADirectory.into()));
        }
        input::warn_if_shared(&file, path);
        let counted = metadata.is_file() && io::stderr().is_terminal();
        let total = counted.then(|| File::open(path).and_then(count_lines)).transpose().map_err(cannot)?;
        Ok(Self::of(file, total))
    }

    fn of(mut from: impl Read + Send + 'static, total: Option<u64>) -> Self {
        let (sender, pieces) = mpsc::channel(AHEAD);
        thread::spawn(move || {
            loop {
                let mut piece = Vec::with_capacity(PIECE);
                let read = from.by_ref().take(PIECE as u64).read_to_end(&mut piece);
                let more = matches!(read, Ok(count) if count > 0);
                // Whoever wanted it may have ended.
                let wanted = sender.blocking_send(read.map(|_| piece)).is_ok();
                if !(more && wanted) {
                    break;
                }
            }
        });
        Self { pieces, lines: Lines::default(), ended: false, total }
    }

    /// How many lines there are, if that is known.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// The next line; `None`: it has ended.
    pub(super) async fn next_line(&mut self) -> Result<Option<Found>, Failure> {
        loop {
            if let Some(line) = self.lines.next_line() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(None);
            }
            match self.pieces.recv().await {
                Some(Ok(piece)) if !piece.is_empty() => self.lines.feed(piece),
                Some(Err(error)) => return Err(Failure::new("cannot read on", error)),
                _ => {
                    self.ended = true;
                    return Ok(self.lines.last_line());
                }
            }
        }
    }

    /// The next lines, as many as are wanted; fewer: it has ended.
    pub(super) async fn batch(&mut self, wanted: usize) -> Result<Vec<Found>, Failure> {
        let mut batch = Vec::with_capacity(wanted);
        while batch.len() < wanted {
            match self.next_line().await? {
                Some(line) => batch.push(line),
                None => break,
            }
        }
        Ok(batch)
    }

    /// A digest of every line that was given so far.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.lines.digest()
    }
}

/// As many as there are line ends, and one more if something stands behind the last.
fn count_lines(file: File) -> io::Result<u64> {
    let mut reader = BufReader::with_capacity(PIECE, file);
    let (mut lines, mut last) = (0, b'\n');
    loop {
        let piece = reader.fill_buf()?;
        let Some(end) = piece.last() else { return Ok(lines + u64::from(last != b'\n')) };
        last = *end;
        lines += piece.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        let read = piece.len();
        reader.consume(read);
    }
}
