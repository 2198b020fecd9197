//! Imports of grants as JSON lines: what a line may hold, how lines are found in a stream, and what is reported of each.
//! docs/import.md has the format. The route and the command line share it.

mod importer;
mod line;
mod lines;
mod report;

pub(crate) use self::line::Line;
pub use self::{
    importer::{BATCH, Importer},
    line::{LineReader, Read},
    lines::{Found, LONGEST_LINE, Lines},
    report::{Counts, Entry, Outcome, Refusal, Refused, Summary},
};
