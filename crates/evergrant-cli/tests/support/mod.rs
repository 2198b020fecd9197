//! A rehearsal, a store of its own, and the real program.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{path::PathBuf, process::Stdio, time::Duration};

use evergrant_rehearse::{ClientSettings, Rehearsal, RotationPolicy, Running, Settings};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

/// The secret of the client in every test: it must never be printed.
pub(crate) const CLIENT_SECRET: &str = "canary-client-secret-4Jq8";

/// Name and secret as HTTP Basic carries them.
const BASIC_CREDENTIALS: &str = "Y2xpLXRlc3RzOmNhbmFyeS1jbGllbnQtc2VjcmV0LTRKcTg";

/// How the rehearsal's secrets begin: access tokens, refresh tokens, codes, device codes.
const MINTED: [&str; 4] = ["at_", "rt_", "code_", "dc_"];

/// The client at the provider.
pub(crate) const CLIENT_ID: &str = "cli-tests";

/// Nothing here takes so long; a program that hangs fails its test instead of the whole run.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct World {
    pub(crate) rehearsal: Running,
    pub(crate) directory: TempDir,
    /// Follow the rehearsal's clock.
    pub(crate) clock: bool,
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// Tokens belong to stdout, and only where they are asked for; the rest belongs nowhere.
    #[track_caller]
    fn keeps_secrets(&self) {
        for nowhere in [CLIENT_SECRET, BASIC_CREDENTIALS] {
            assert!(!self.stdout.contains(nowhere) && !self.stderr.contains(nowhere), "{self:?}");
        }
        for (text, prefixes) in [(&self.stdout, &MINTED[1..]), (&self.stderr, &MINTED)] {
            let mut words =
                text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_-".contains(letter));
            let minted =
                |word: &str| prefixes.iter().any(|prefix| word.starts_with(prefix) && word.len() > 40);
            assert!(!words.any(minted), "{self:?}");
        }
    }

    /// It worked; what it printed, without the last line end.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
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
        assert_eq!(self.code, code, "{self:?}");
        self.stderr
    }
}

impl World {
    /// A strict provider whose clock runs.
    pub(crate) async fn new() -> Self {
        Self::rotating(RotationPolicy::strict()).await
    }

    pub(crate) async fn rotating(policy: RotationPolicy) -> Self {
        let mut settings = Settings::default();
        settings.clients.push(ClientSettings::basic(CLIENT_ID, CLIENT_SECRET).rotating(policy));
        let rehearsal = Rehearsal::builder().real_time().settings(settings);
        let rehearsal = rehearsal.start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { rehearsal, directory: tempfile::tempdir().unwrap(), clock: true }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.directory.path().join("data/evergrant.sqlite")
    }

    /// The program with these arguments, in an environment of its own.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evergrant"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.directory.path())
            .env("EVERGRANT_STORE", format!("sqlite:{}", self.store().display()))
            .env("EVERGRANT_LOG", "trace")
            .current_dir(self.directory.path())
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if self.clock {
            command.env("EVERGRANT_CLOCK", self.rehearsal.issuer());
        }
        command
    }

    /// Starts the program; its stdin is closed.
    pub(crate) fn start(&self, arguments: &[&str]) -> Live {
        Live::of(self.program(arguments))
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Done {
        self.start(arguments).finish().await
    }

    /// The same with something on stdin.
    pub(crate) async fn run_with(&self, arguments: &[&str], stdin: &str) -> Done {
        let mut command = self.program(arguments);
        command.stdin(Stdio::piped());
        let mut live = Live::of(command);
        live.type_in(stdin).await;
        live.finish().await
    }

    /// Adds the client `crm`, found by its issuer.
    pub(crate) async fn add_client(&self) {
        let issuer = self.rehearsal.issuer();
        let arguments = [
            "clients",
            "add",
            "crm",
            "--issuer",
            issuer,
            "--client-id",
            CLIENT_ID,
            "--secret-stdin",
            "--scope",
            "openid profile offline_access",
        ];
        self.run_with(&arguments, CLIENT_SECRET).await.good();
    }

    /// A grant of alice's that was imported; its access token has to be fetched first.
    pub(crate) async fn import(&self) -> String {
        let refresh_token = self.issue();
        let arguments = ["grants", "import", "crm", "--refresh-token-stdin"];
        self.run_with(&arguments, &refresh_token).await.good()
    }

    /// A refresh token of alice's.
    pub(crate) fn issue(&self) -> String {
        let issued = self.rehearsal.issue_grant(CLIENT_ID, "alice", "openid profile offline_access").unwrap();
        issued.refresh_token
    }

    /// Everything that was refreshed so far.
    pub(crate) fn refreshes(&self) -> usize {
        use evergrant_rehearse::{Endpoint, GrantType};
        let refresh = Some(GrantType::RefreshToken);
        let journal = self.rehearsal.journal();
        journal
            .iter()
            .filter(|entry| entry.endpoint == Endpoint::Token && entry.grant_type == refresh)
            .count()
    }
}

/// A program that runs.
pub(crate) struct Live {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    heard: String,
}

impl Live {
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines, heard: String::new() }
    }

    /// Tells it to stop.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_raw(self.id()).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// What the system calls it.
    pub(crate) fn id(&self) -> i32 {
        i32::try_from(self.child.id().unwrap()).unwrap()
    }

    /// Writes to its stdin, and closes it.
    pub(crate) async fn type_in(&mut self, text: &str) {
        let mut stdin = self.child.stdin.take().unwrap();
        match stdin.write_all(text.as_bytes()).await {
            // It may have ended without reading.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            written => written.unwrap(),
        }
    }

    /// The first line from now on that holds a text, from what it says beside its result.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        let reading = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.heard.push_str(&line);
                self.heard.push('\n');
                if line.contains(text) {
                    return line.trim().to_owned();
                }
            }
            panic!("the program ended without saying {text:?}: {}", self.heard);
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("nobody says {text:?}"))
    }

    /// The first line of its result.
    pub(crate) async fn first_line(&mut self) -> String {
        let mut line = Vec::new();
        let stdout = self.child.stdout.as_mut().unwrap();
        let reading = async {
            loop {
                match stdout.read_u8().await.unwrap() {
                    b'\n' => return String::from_utf8(line).unwrap(),
                    byte => line.push(byte),
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("nothing is printed")
    }

    /// Waits for its end; the client's secret must be in nothing that people see.
    pub(crate) async fn finish(self) -> Done {
        let Self { mut child, mut lines, heard: mut stderr } = self;
        let (mut stdout, mut out) = (String::new(), child.stdout.take());
        let reading = async {
            let hearing = async {
                while let Some(line) = lines.next_line().await.unwrap() {
                    stderr.push_str(&line);
                    stderr.push('\n');
                }
            };
            let taking = async {
                // A test may have led it elsewhere.
                if let Some(out) = &mut out {
                    out.read_to_string(&mut stdout).await.unwrap();
                }
            };
            tokio::join!(taking, hearing);
            child.wait().await.unwrap()
        };
        let status = tokio::time::timeout(PATIENCE, reading).await.expect("the program hangs");
        let done = Done { code: status.code().unwrap_or(-1), stdout, stderr };
        done.keeps_secrets();
        done
    }
}
