//! A process that never outlives its test.

use std::{fmt::Write as _, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
};

/// Nothing here takes so long: what hangs fails its test instead of the whole run.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How often a condition is looked at that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Waits until `condition` gives something.
pub(crate) async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = condition().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// A program that runs; dropping it kills it.
pub(crate) struct Process {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
    heard: String,
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Done {
    /// `None`: by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// It worked; what it printed.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout.trim_end().to_owned()
    }

    /// It worked and printed JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        let text = self.good();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// It failed with this exit code; what it said.
    #[track_caller]
    pub(crate) fn bad(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.stderr
    }
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        command.kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}: {command:?}"));
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, err, heard: String::new() }
    }

    /// Writes to its stdin, and closes it.
    pub(crate) async fn type_in(&mut self, text: &str) {
        let mut stdin = self.child.stdin.take().unwrap();
        // It may have ended without reading.
        let _ = stdin.write_all(text.as_bytes()).await;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().expect("it has not been waited for")).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// `kill -9`; returns when it is gone.
    pub(crate) async fn kill(mut self) {
        // It may have come to its end in the meantime.
        let _ = self.child.start_kill();
        self.child.wait().await.unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The next line of its result.
    pub(crate) async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.out.next_line()).await.expect("nothing is printed");
        if let Some(line) = line.unwrap() {
            return line;
        }
        while let Ok(Some(line)) = self.err.next_line().await {
            writeln!(self.heard, "{line}").unwrap();
        }
        panic!("the program ended without a result: {}", self.heard);
    }

    /// The first line of its result from now on that holds a text.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        loop {
            let line = self.line().await;
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The first line from now on that holds a text, from what it says beside its result.
    pub(crate) async fn says(&mut self, text: &str) -> String {
        let reading = async {
            while let Some(line) = self.err.next_line().await.unwrap() {
                writeln!(self.heard, "{line}").unwrap();
                if line.contains(text) {
                    return line;
                }
            }
            panic!("the program ended without saying {text:?}: {}", self.heard);
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("nobody says {text:?}"))
    }

    /// Waits for its end.
    pub(crate) async fn finish(self) -> Done {
        let Self { mut child, out, err, heard: mut stderr } = self;
        let (mut out, mut err) = (out.into_inner(), err.into_inner());
        let mut stdout = String::new();
        let reading = async {
            let (out, err) = tokio::join!(out.read_to_string(&mut stdout), err.read_to_string(&mut stderr));
            out.and(err).unwrap();
            child.wait().await.unwrap()
        };
        let status = tokio::time::timeout(PATIENCE, reading).await.expect("the program hangs");
        Done { code: status.code(), stdout, stderr }
    }
}
