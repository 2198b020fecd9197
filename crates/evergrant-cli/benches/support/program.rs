//! The program itself, as a process of its own.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::database;

/// The program with these arguments, on the store of a folder.
pub(crate) fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evergrant"));
    command.args(arguments).env_clear().env("HOME", folder).stdin(Stdio::null());
    command.env("EVERGRANT_STORE", format!("sqlite:{}", database(folder).display()));
    command
}

/// Makes an API key that may do so much.
pub(crate) fn make_key(folder: &Path, scope: &str) -> String {
    let arguments = ["api-keys", "create", "bench", "--scope", scope];
    let output = program(folder, &arguments).output().expect("the program can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = printed.split_whitespace();
    words.find(|word| word.starts_with("egk_")).expect("a key is printed").to_owned()
}

/// A server that runs. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    out: BufReader<ChildStdout>,
}

impl Server {
    /// Starts what says `listening on ADDRESS`, maybe with a comma and more after it.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", name(command.get_program())));
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut server = Self { child, address: String::new(), out };
        server.address = server.says_where();
        server
    }

    fn says_where(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.out.read_line(&mut line).expect("it writes text");
            assert!(read > 0, "it ended without saying where it listens");
            if let Some(rest) = line.trim_end().strip_prefix("listening on ") {
                return rest.split(',').next().unwrap_or(rest).to_owned();
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to stop, and waits for its end.
    pub(crate) fn stop(mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("it has an id");
        kill_process(id, Signal::TERM).expect("it runs");
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn name(program: &OsStr) -> String {
    Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}
