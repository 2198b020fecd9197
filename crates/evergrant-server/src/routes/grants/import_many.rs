//! `POST /v1/grants/import`: takes over many refresh tokens, a line of JSON each, and reports on them while it goes on.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, BodyDataStream},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use evergrant::{proto::name::ClientName, store::import::Matching};
use futures_util::{FutureExt, StreamExt, stream};
use serde::Serialize;
use tokio::{sync::mpsc, time::timeout};

use crate::{
    access::Key,
    app::App,
    extract::{Caller, Parameters},
    import::{BATCH, Counts, Entry, Found, Importer, Lines, Outcome, Summary},
    middleware::TooSlow,
    problem::{Problem, Reason},
};

/// The largest body, in bytes: about a million lines. Larger files are sent in parts.
pub(crate) const LARGEST_BODY: u64 = 256 * 1024 * 1024;

/// Bytes in one batch: lines may be long.
const LARGEST_BATCH: usize = 1024 * 1024;

/// Batches whose report may wait for its reader. Many programs send a whole body before they read: with these, some
/// thousand lines can be sent like that.
const UNREAD_BATCHES: usize = 128;

/// What a body says that it is. There is no registered type; these are in use.
const KINDS: [&str; 4] =
    ["application/jsonl", "application/x-ndjson", "application/ndjson", "application/x-jsonlines"];

pub(crate) async fn import_many(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    let client = parameters.take_with("client", ClientName::new)?;
    let matching = parameters.take_with("match", matching)?.unwrap_or_default();
    let refused_only = parameters.take_with("report", refused_only)?.unwrap_or_default();
    let dry_run = parameters.take("dry_run")?.unwrap_or_default();
    parameters.finish()?;
    check(request.headers())?;
    if let Some(client) = &client {
        let found = app.keeper.client(&caller.namespace, client).await?;
        found.ok_or_else(|| Problem::of(Reason::NoSuchClient))?;
    }
    let importer =
        Importer { keeper: app.keeper.clone(), namespace: caller.namespace, client, matching, dry_run };
    let (report, reported) = mpsc::channel(UNREAD_BATCHES);
    let run = Run { app, key: caller.key, importer, refused_only, counts: Counts::default(), report };
    // Beside the answer, which hyper asks for only while its reader takes it.
    tokio::spawn(run.run(Intake::of(request.into_body())));
    Ok(streamed(reported))
}

fn matching(name: &str) -> Result<Matching, &'static str> {
    match name {
        "account" => Ok(Matching::Account),
        "external_id" => Ok(Matching::Person),
        _ => Err("it is account or external_id"),
    }
}

fn refused_only(name: &str) -> Result<bool, &'static str> {
    match name {
        "all" => Ok(false),
        "refused" => Ok(true),
        _ => Err("it is all or refused"),
    }
}

fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !KINDS.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
        let detail = "The body is JSON lines: send it as application/jsonl or application/x-ndjson.";
        return Err(Problem::new(Reason::UnsupportedMediaType, detail));
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > LARGEST_BODY) { Err(too_large()) } else { Ok(()) }
}

fn too_large() -> Problem {
    let megabytes = LARGEST_BODY / 1024 / 1024;
    Problem::new(Reason::BodyTooLarge, format!("The body is larger than {megabytes} MiB: send it in parts."))
}

/// The body, as batches of lines.
struct Intake {
    body: BodyDataStream,
    lines: Lines,
    taken: u64,
    /// How it has ended, if it has.
    ended: Option<Result<(), Problem>>,
}

impl Intake {
    fn of(body: Body) -> Self {
        Self { body: body.into_data_stream(), lines: Lines::default(), taken: 0, ended: None }
    }

    /// The lines that are there, if there is any; else the next ones that come. Empty: it has ended.
    async fn batch(&mut self) -> Vec<Found> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH && bytes < LARGEST_BATCH {
            if let Some(line) = self.lines.next_line() {
                bytes += line.bytes.as_ref().map_or(0, |line| line.len());
                batch.push(line);
                continue;
            }
            if self.ended.is_some() {
                break;
            }
            let piece = self.body.next();
            let piece = if batch.is_empty() { Some(piece.await) } else { piece.now_or_never() };
            match piece {
                Some(piece) => batch.extend(self.take(piece)),
                None => break,
            }
        }
        batch
    }

    /// Takes a piece in; gives the last line where the body ends well. The rest of one that was cut off is no line.
    fn take(&mut self, piece: Option<Result<Bytes, axum::Error>>) -> Option<Found> {
        match piece {
            None => {
                self.ended = Some(Ok(()));
                return self.lines.last_line();
            }
            Some(Err(error)) => {
                let detail = if TooSlow::ended(&error) {
                    "The body came too slowly, so that nobody waits for the rest of it; what is reported as done is done."
                } else {
                    "The body ended before it was complete; what is reported as done is done."
                };
                self.ended = Some(Err(Problem::new(Reason::InvalidBody, detail)));
            }
            Some(Ok(piece)) => {
                self.taken += piece.len() as u64;
                if self.taken > LARGEST_BODY {
                    self.ended = Some(Err(too_large()));
                } else {
                    self.lines.feed(piece);
                }
            }
        }
        None
    }
}

/// An import under way.
struct Run {
    app: Arc<App>,
    /// With which it was begun: it ends with it.
    key: Arc<Key>,
    importer: Importer,
    /// The caller wants to hear of nothing else.
    refused_only: bool,
    counts: Counts,
    report: mpsc::Sender<Bytes>,
}

/// Nobody reads the report.
struct Unread;

impl Run {
    async fn run(mut self, mut intake: Intake) {
        let ended = self.import_all(&mut intake).await;
        let Counts { created, updated, unchanged, refused, .. } = self.counts;
        let complete = matches!(ended, Ok(Ok(())));
        tracing::info!(
            target: "evergrant",
            created,
            updated,
            unchanged,
            refused,
            complete,
            dry_run = self.importer.dry_run,
            "grants were imported"
        );
        let Ok(ended) = ended else { return };
        let problem = ended.as_ref().err().map(Into::into);
        let summary = Summary { summary: self.counts, complete, dry_run: self.importer.dry_run, problem };
        // If nobody reads any more, there is nobody to tell.
        let _ = self.tell(json_lines([&summary])).await;
    }

    /// Until the body ends, or the problem for which it cannot go on. What was reported as done is durable before.
    async fn import_all(&mut self, intake: &mut Intake) -> Result<Result<(), Problem>, Unread> {
        loop {
            let batch = intake.batch().await;
            if batch.is_empty() {
                return Ok(intake.ended.take().unwrap_or(Ok(())));
            }
            let clock = self.app.keeper.clock();
            if !self.key.is_still_good(|| clock.now().wall) {
                return Ok(Err(Problem::of(Reason::Unauthenticated)));
            }
            let entries = match self.importer.import(&batch).await {
                Ok(entries) => entries,
                Err(error) => {
                    let problem = Problem::from(error);
                    // The answer has begun: what is noted of others on their way out would not be seen.
                    if let Some(detail) = problem.trouble() {
                        self.app.writable.met_trouble(detail);
                    }
                    return Ok(Err(problem));
                }
            };
            for entry in &entries {
                self.counts.count(entry.outcome);
            }
            let told = |entry: &&Entry| !self.refused_only || entry.outcome == Outcome::Refused;
            self.tell(json_lines(entries.iter().filter(told))).await?;
            if self.app.is_stopping() && intake.ended.is_none() {
                return Ok(Err(Problem::of(Reason::ShuttingDown)));
            }
        }
    }

    /// Whoever does not read for as long as a sender may pause is not waited for any longer.
    async fn tell(&self, lines: Bytes) -> Result<(), Unread> {
        if lines.is_empty() {
            return if self.report.is_closed() { Err(Unread) } else { Ok(()) };
        }
        let told = timeout(self.app.config.patience, self.report.send(lines)).await;
        told.map_err(|_| Unread)?.map_err(|_| Unread)
    }
}

fn json_lines<'a, T: Serialize + 'a>(values: impl IntoIterator<Item = &'a T>) -> Bytes {
    let mut lines = Vec::new();
    for value in values {
        serde_json::to_writer(&mut lines, value).expect("a report is plain data");
        lines.push(b'\n');
    }
    lines.into()
}

fn streamed(reported: mpsc::Receiver<Bytes>) -> Response {
    let pieces = stream::unfold(reported, |mut reported| async {
        reported.recv().await.map(|piece| (Ok::<_, Infallible>(piece), reported))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    // A proxy that collects answers would keep the report to itself.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
