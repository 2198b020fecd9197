//! `evergrant demo`: a grant that is rotated, broken, diagnosed and repaired, before one's eyes.
//!
//! Everything that is told is checked first, against the provider's journal and the keeper's records: a claim that
//! does not hold ends the story with an error.

mod acts;
mod browser;
mod clock;
mod narrator;
mod stage;

use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    path::Path,
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use evergrant::proto::name::GrantId;

use crate::{cli::Format, failure::Failure, signals};
use narrator::Narrator;
use stage::Stage;

/// How to demonstrate.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Options {
    /// Play it through once and end; without a terminal this is what happens anyway
    #[arg(long)]
    pub(crate) once: bool,
    /// Where the server of the demonstration listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
}

/// Threads that still write to the store get so long to end before it is removed. One that waits for somebody to
/// press Enter never does.
const ENDING: Duration = Duration::from_millis(500);

/// Demonstrates.
pub(crate) fn run(options: Options) -> ExitCode {
    match begin(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(Format::Text),
    }
}

fn begin(options: Options) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new("cannot start", error))?;
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::new("cannot make a temporary folder for the store", error))?;
    let ended = runtime.block_on(perform(options, folder.path()));
    // The store's files are closed with the last task that holds it; only then can the folder go.
    runtime.shutdown_timeout(ENDING);
    ended
}

async fn perform(options: Options, folder: &Path) -> Result<(), Failure> {
    let attended = !options.once && io::stdout().is_terminal() && io::stdin().is_terminal();
    let mut interruption = pin!(signals::interruption()?);
    let stage = Stage::open(folder, options.listen, attended).await?;
    let mut narrator = Narrator::new(attended);
    let played = tokio::select! {
        played = acts::play(&stage, &mut narrator, attended) => played,
        () = &mut interruption => Err(Failure::interrupted()),
    };
    if let (true, Ok(grant)) = (attended, &played) {
        invite(&stage, &narrator, *grant);
        interruption.await;
    }
    stage.close().await;
    narrator.gap();
    if attended {
        narrator.heading("Stopped; the temporary store is removed.");
    }
    played.map(drop)
}

/// What somebody can try now. The key is good for this process only.
fn invite(stage: &Stage, narrator: &Narrator, grant: GrantId) {
    let (issuer, server) = (stage.rehearsal.issuer(), stage.server.as_str().trim_end_matches('/'));
    narrator.title("It stays up.", "Everything is still running; Ctrl-C ends and removes it.");
    narrator.verbatim("evergrant", server);
    narrator.verbatim("provider", issuer);
    narrator.verbatim("admin", &format!("{issuer}/admin"));
    narrator.verbatim("journal", &format!("{issuer}/admin/journal?endpoint=token"));
    narrator.gap();
    narrator.heading("Get alice's access token:");
    narrator.copyable(&format!("KEY={}", stage.api_key.expose()));
    narrator.copyable("curl -H \"Authorization: Bearer $KEY\" \\");
    narrator.copyable(&format!("  {server}/v1/grants/{grant}/token"));
    narrator.gap();
    narrator.heading("Let an hour pass, and see what the provider saw:");
    narrator.copyable(&format!("curl -d '{{\"advance_s\":3600}}' {issuer}/admin/clock"));
    narrator.copyable(&format!("curl '{issuer}/admin/journal?endpoint=token'"));
    narrator.gap();
}

/// The first digits of a fingerprint or an id: enough to follow it through the story.
fn short(text: &str) -> &str {
    text.get(..8).unwrap_or(text)
}

/// `1 request`, `2 requests`.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
