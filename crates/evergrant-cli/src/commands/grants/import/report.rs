//! The report of an import: what became of each line, and what is needed to go on where it stopped.
//!
//! JSON lines: a head that says which import it is; an entry for each line, and behind those of each batch a mark that
//! says how far the file was read, with a digest of everything up to there; a summary at the end. An entry counts once a
//! mark stands behind it. A line that was refused is tried again by the next run, and has then a later entry.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, ErrorKind, Seek, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use evergrant_server::import::{Counts, Entry, Outcome, Summary};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Who may read it: it names people.
const MODE: u32 = 0o600;

/// Which import it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) store: String,
    pub(super) namespace: String,
    pub(super) client: String,
    pub(super) r#match: String,
    pub(super) dry_run: bool,
}

/// How far the file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) line: u64,
    /// Of every line up to there.
    pub(super) sha256: String,
}

impl Mark {
    pub(super) fn new(line: u64, digest: [u8; 32]) -> Self {
        let mut sha256 = String::with_capacity(64);
        for byte in digest {
            // Writing into a String cannot fail.
            write!(sha256, "{byte:02x}").unwrap_or_default();
        }
        Self { line, sha256 }
    }
}

/// A line of the report.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Row {
    Head { import: Head },
    Mark { mark: Mark },
    Entry(Entry),
    Summary(Summary),
}

/// What earlier runs have done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// In the order of their lines.
    pub(super) marks: Vec<Mark>,
    /// Lines that are to be tried again.
    pub(super) refused: BTreeSet<u64>,
    pub(super) counts: Counts,
}

impl Done {
    fn note(&mut self, line: u64, outcome: Outcome) {
        if self.refused.remove(&line) {
            self.counts.discount(Outcome::Refused);
        }
        self.counts.count(outcome);
        if outcome == Outcome::Refused {
            self.refused.insert(line);
        }
    }

    fn take(&mut self, entries: &mut Vec<(u64, Outcome)>, mark: Mark) {
        for (line, outcome) in entries.drain(..) {
            self.note(line, outcome);
        }
        if self.marks.last().is_none_or(|last| last.line < mark.line) {
            self.marks.push(mark);
        }
    }
}

/// A report that is open for writing; no other run has it.
#[derive(Debug)]
pub(super) struct Report {
    file: File,
    path: PathBuf,
}

impl Report {
    /// Opens a report, or begins one, and says what it knows. Blocks.
    pub(super) fn open(path: &Path, head: &Head) -> Result<(Self, Done), Failure> {
        let cannot = |error: io::Error| cannot(path, &error);
        let made = OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(path);
        let (file, is_new) = match made {
            Ok(file) => (file, true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                (OpenOptions::new().read(true).write(true).open(path).map_err(cannot)?, false)
            }
            Err(error) => return Err(cannot(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(
                    &format!("the report {} is in use", path.display()),
                    "another import is writing it",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        let mut report = Self { file, path: path.to_owned() };
        if is_new || report.is_empty().map_err(cannot)? {
            report.write(&[Row::Head { import: head.clone() }])?;
            return Ok((report, Done::default()));
        }
        let done = report.read(head)?;
        Ok((report, done))
    }

    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.len() == 0)
    }

    /// Reads what is there; what no mark stands behind is cut off.
    fn read(&mut self, head: &Head) -> Result<Done, Failure> {
        let (mut done, mut entries, mut line) = (Done::default(), Vec::new(), Vec::new());
        let (mut number, mut read, mut end) = (0_u64, 0, 0);
        let mut reader = BufReader::new(&self.file);
        loop {
            line.clear();
            read += reader.read_until(b'\n', &mut line).map_err(|error| cannot(&self.path, &error))? as u64;
            if !line.ends_with(b"\n") {
                break;
            }
            number += 1;
            match (number, serde_json::from_slice(&line)) {
                (1, Ok(Row::Head { import })) if import == *head => end = read,
                (1, Ok(Row::Head { .. })) => return Err(self.refuse("it is the report of another import")),
                (1, _) => return Err(self.refuse("it is no report of an import")),
                (_, Ok(Row::Entry(entry))) => entries.push((entry.line, entry.outcome)),
                (_, Ok(Row::Mark { mark })) => {
                    done.take(&mut entries, mark);
                    end = read;
                }
                (_, Ok(Row::Summary(_))) => end = read,
                (_, Ok(Row::Head { .. }) | Err(_)) => {
                    return Err(self.refuse(&format!("its line {number} was changed")));
                }
            }
        }
        if number == 0 {
            return Err(self.refuse("it is no report of an import"));
        }
        self.file
            .set_len(end)
            .and_then(|()| self.file.seek(SeekFrom::End(0)))
            .map_err(|error| cannot(&self.path, &error))?;
        Ok(done)
    }

    fn refuse(&self, why: &str) -> Failure {
        Failure::new(&format!("the report {} cannot be gone on with", self.path.display()), why)
            .advise("name another file with --report; what was imported is found again")
    }

    /// Notes what became of lines, and how far the file was read.
    pub(super) fn note(&mut self, entries: &[Entry], mark: &Mark) -> Result<(), Failure> {
        let entries = entries.iter().cloned().map(Row::Entry);
        let rows: Vec<_> = entries.chain([Row::Mark { mark: mark.clone() }]).collect();
        self.write(&rows)
    }

    /// The end. What is in it now survives the loss of power.
    pub(super) fn finish(&mut self, summary: &Summary) -> Result<(), Failure> {
        self.write(&[Row::Summary(summary.clone())])?;
        self.file.sync_all().map_err(|error| cannot(&self.path, &error))
    }

    fn write(&mut self, rows: &[Row]) -> Result<(), Failure> {
        let mut text = Vec::new();
        for row in rows {
            serde_json::to_writer(&mut text, row).expect("a report is plain data");
            text.push(b'\n');
        }
        self.file.write_all(&text).map_err(|error| cannot(&self.path, &error))
    }
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::new(&format!("the report {} cannot be written", path.display()), error)
}

/// What the report of an import into the client `crm` of the store `s` says was done. Blocks.
pub(crate) fn read_report(path: &Path) -> Result<String, Failure> {
    Report::open(path, &tried()).map(|(_, done)| format!("{done:?}"))
}

fn tried() -> Head {
    Head {
        version: 1,
        store: "s".to_owned(),
        namespace: "default".to_owned(),
        client: "crm".to_owned(),
        r#match: "account".to_owned(),
        dry_run: false,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::{tried as head, *};

    fn entry(line: u64, outcome: Outcome) -> Entry {
        Entry { line, external_id: None, outcome, grant: None, problem: None }
    }

    fn mark(line: u64) -> Mark {
        Mark::new(line, [7; 32])
    }

    #[test]
    fn what_a_mark_stands_behind_is_known_again_and_the_torn_end_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        let (mut report, done) = Report::open(&path, &head()).unwrap();
        assert_eq!(done, Done::default());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        report.note(&[entry(1, Outcome::Created), entry(2, Outcome::Refused)], &mark(2)).unwrap();
        report.note(&[entry(3, Outcome::Refused)], &mark(3)).unwrap();
        report.note(&[entry(2, Outcome::Created)], &mark(3)).unwrap();
        drop(report);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], b"{\"line\":4,\"outcome\":\"created\"}\n{\"mark\":{\"li"].concat())
            .unwrap();
        let (mut report, done) = Report::open(&path, &head()).unwrap();
        assert_eq!(done.marks, [mark(2), mark(3)]);
        assert_eq!(done.refused, BTreeSet::from([3]));
        assert_eq!(done.counts, Counts { lines: 3, created: 2, refused: 1, ..Counts::default() });
        // What is noted next stands on a line of its own.
        report.note(&[entry(4, Outcome::Created)], &mark(4)).unwrap();
        drop(report);
        assert_eq!(Report::open(&path, &head()).unwrap().1.counts.lines, 4);
    }

    #[test]
    fn a_file_that_is_none_or_of_another_import_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        let other = serde_json::to_string(&Row::Head { import: Head { client: "x".to_owned(), ..head() } });
        let own = serde_json::to_string(&Row::Head { import: head() }).unwrap();
        for (text, why) in [
            ("a letter".to_owned(), "no report"),
            ("a letter\n".to_owned(), "no report"),
            ("{\"refresh_token\":\"canary\"}\n".to_owned(), "no report"),
            (format!("{}\n", other.unwrap()), "another import"),
            (format!("{own}\nscribble\n"), "line 2"),
        ] {
            fs::write(&path, &text).unwrap();
            let failure = Report::open(&path, &head()).unwrap_err().to_string();
            assert!(failure.contains(why) && !failure.contains("canary"), "{failure}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn two_runs_have_no_report_in_common() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.jsonl");
        let first = Report::open(&path, &head()).unwrap();
        assert!(Report::open(&path, &head()).unwrap_err().to_string().contains("in use"));
        drop(first);
        Report::open(&path, &head()).unwrap();
    }
}
