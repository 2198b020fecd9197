//! Many grants, from a file of JSON lines.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use evergrant::{proto::name::ClientName, store::import::Matching};
use evergrant_server::import::{BATCH, Counts, Entry, Found, Importer, Outcome, Summary};

use super::{
    progress::Progress,
    report::{Done, Head, Mark, Report},
    source::Source,
};
use crate::{
    cli::Format,
    exit::Exit,
    failure::Failure,
    output::{self, text::clean_line},
    session::Session,
};

/// Refused lines that are told one by one; all of them are in the report.
const TOLD: u64 = 10;

/// After how many batches it is looked at again whether other processes use the store.
const LOOK: u64 = 32;

#[derive(Debug, Args)]
#[group(id = "many_grants", multiple = true, requires = "client")]
pub(super) struct Options {
    /// Write what becomes of each line, and go on where a run with the same report stopped
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Check every line, and write nothing into the store
    #[arg(long)]
    dry_run: bool,
    /// How a new refresh token finds the grant that it belongs to
    #[arg(long = "match", value_enum, default_value_t = By::Account, value_name = "HOW")]
    by: By,
}

/// As the HTTP API calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// By `subject`
    Account,
    /// By `subject`, else by `external_id`: a person has one grant of the client
    #[value(name = "external_id")]
    ExternalId,
}

/// A file that is open.
#[derive(Debug)]
pub(crate) struct Prepared {
    options: Options,
    client: ClientName,
    source: Source,
}

impl Options {
    /// Blocks.
    pub(super) fn prepare(self, file: &Path, client: ClientName) -> Result<Prepared, Failure> {
        Ok(Prepared { options: self, client, source: Source::open(file)? })
    }

    fn head(&self, session: &Session, client: &ClientName, store: String) -> Head {
        Head {
            version: 1,
            store,
            namespace: session.namespace.to_string(),
            client: client.to_string(),
            r#match: self.by.to_possible_value().map_or_else(String::new, |by| by.get_name().to_owned()),
            dry_run: self.dry_run,
        }
    }
}

pub(super) async fn run(session: &Session, prepared: Prepared, format: Format) -> Result<(), Failure> {
    let Prepared { options, client, source } = prepared;
    session.client(&client).await?;
    let (report, done) = match &options.report {
        None => (None, Done::default()),
        Some(path) => {
            let store = session.keeper.status().await?.store.to_string();
            let (path, head) = (path.clone(), options.head(session, &client, store));
            let opening = tokio::task::spawn_blocking(move || Report::open(&path, &head));
            let (report, done) =
                opening.await.map_err(|error| Failure::new("cannot open the report", error))??;
            (Some(report), done)
        }
    };
    let importer = Importer {
        keeper: session.keeper.clone(),
        namespace: session.namespace.clone(),
        client: Some(client),
        matching: match options.by {
            By::Account => Matching::Account,
            By::ExternalId => Matching::Person,
        },
        dry_run: options.dry_run,
    };
    let progress = Progress::begin(session.keeper.clock().moment(), source.total());
    let mut import = Import {
        importer,
        source,
        report,
        progress,
        counts: done.counts,
        told: 0,
        batches: 0,
        shared: false,
    };
    import.progress.passed(done.counts.lines);
    import.pass_over(&done).await?;
    import.take_rest().await?;
    import.finish(format)
}

/// An import under way.
struct Import {
    importer: Importer,
    source: Source,
    report: Option<Report>,
    progress: Progress,
    counts: Counts,
    /// Refused lines that were told.
    told: u64,
    batches: u64,
    /// Other processes use the store.
    shared: bool,
}

impl Import {
    /// Reads up to where earlier runs have come, and tries again what they refused, as soon as it is sure that it is the
    /// same.
    async fn pass_over(&mut self, done: &Done) -> Result<(), Failure> {
        let Some(last) = done.marks.last() else { return Ok(()) };
        let mut read = 0;
        for mark in &done.marks {
            let mut refused = Vec::new();
            while read < mark.line {
                let Some(line) = self.source.next_line().await? else { return Err(changed(mark)) };
                read = line.number;
                if done.refused.contains(&line.number) {
                    refused.push(line);
                }
            }
            if Mark::new(read, self.source.digest()) != *mark {
                return Err(changed(mark));
            }
            for batch in refused.chunks(BATCH) {
                self.counts.lines -= batch.len() as u64;
                self.counts.refused -= batch.len() as u64;
                self.take(batch, last).await?;
            }
        }
        Ok(())
    }

    async fn take_rest(&mut self) -> Result<(), Failure> {
        loop {
            let batch = self.source.batch(BATCH).await?;
            let Some(last) = batch.last() else { return Ok(()) };
            let mark = Mark::new(last.number, self.source.digest());
            self.take(&batch, &mark).await?;
        }
    }

    async fn take(&mut self, batch: &[Found], mark: &Mark) -> Result<(), Failure> {
        let clock = self.importer.keeper.clock().clone();
        let begun = clock.moment();
        let entries = self.importer.import(batch).await.map_err(|error| {
            Failure::from(error).advise("run the same command again: what was imported is found again")
        })?;
        let ended = clock.moment();
        for entry in &entries {
            self.counts.count(entry.outcome);
        }
        if let Some(report) = &mut self.report {
            report.note(&entries, mark)?;
        }
        self.tell(&entries);
        self.progress.show(&self.counts, ended);
        if self.is_shared().await? {
            // Whoever waits for the file looks for a moment in which nobody writes.
            clock.wait_until(ended.plus(ended.since(begun) / 2)).await;
        }
        Ok(())
    }

    async fn is_shared(&mut self) -> Result<bool, Failure> {
        if self.importer.dry_run {
            return Ok(false);
        }
        if self.batches.is_multiple_of(LOOK) {
            self.shared = self.importer.keeper.status().await?.holders > 1;
        }
        self.batches += 1;
        Ok(self.shared)
    }

    /// Says why the first lines were refused.
    fn tell(&mut self, entries: &[Entry]) {
        for entry in entries.iter().filter(|entry| entry.outcome == Outcome::Refused) {
            self.told += 1;
            if self.told > TOLD {
                continue;
            }
            self.progress.clear();
            let person = entry.external_id.as_ref().map_or_else(String::new, |id| format!(" ({id})"));
            let detail = entry.problem.as_ref().map_or("", |problem| &problem.detail);
            let grant = entry.grant.map_or_else(String::new, |grant| format!(" [{grant}]"));
            output::note(&clean_line(&format!("line {}{person}: {detail}{grant}", entry.line)));
        }
    }

    fn finish(mut self, format: Format) -> Result<(), Failure> {
        self.progress.clear();
        let dry_run = self.importer.dry_run;
        let summary = Summary { summary: self.counts, complete: true, dry_run, problem: None };
        if let Some(report) = &mut self.report {
            report.finish(&summary)?;
        }
        if self.told > TOLD {
            let all = if self.report.is_some() { "the report has all" } else { "--report FILE keeps all" };
            output::note(&format!("{} more lines were refused; {all}", self.told - TOLD));
        }
        match format {
            Format::Json => output::print_json(&summary)?,
            Format::Text => output::print(&in_words(&self.counts, dry_run))?,
        }
        if !dry_run && self.counts.created + self.counts.updated > 0 {
            output::note("these refresh tokens are kept here now: let no other program use them");
        }
        if self.counts.refused > 0 { Err(Failure::told(Exit::LinesRefused)) } else { Ok(()) }
    }
}

fn in_words(counts: &Counts, dry_run: bool) -> String {
    let Counts { lines, created, updated, unchanged, refused } = counts;
    let words = if *lines == 1 { "line" } else { "lines" };
    let what = if dry_run { " (dry run: nothing is kept)" } else { "" };
    format!(
        "{lines} {words}: {created} created, {updated} updated, {unchanged} unchanged, {refused} refused{what}"
    )
}

fn changed(mark: &Mark) -> Failure {
    let line = mark.line;
    Failure::new("the file is not the one that the report is of", format!("it differs up to line {line}"))
        .advise("name another report; what was imported is found again")
}
