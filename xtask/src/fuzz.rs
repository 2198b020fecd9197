//! `cargo xtask fuzz`: the targets of `fuzz/` under libFuzzer, which is guided by the coverage that it gains.
//!
//! The engine works with the stable toolchain: it is LLVM that counts what is reached, and rustc passes the request
//! on. Instrumented code lies in `fuzz/target`, with what was found: the one folder of builds beside `target`.

mod report;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use report::Report;

use crate::{
    Failure, command,
    progress::{self, Step},
    setup::debian::{self, Program},
    workspace::Workspace,
};

/// Seconds of each target in `cargo xtask fuzz`.
const SECONDS: u32 = 60;
/// Seconds of each target in `cargo xtask soak`.
pub(crate) const SOAK_SECONDS: u32 = 600;

/// libFuzzer is C++, and is compiled where it is used.
const COMPILER: Program = Program { name: "g++", proof: &["--version"], packages: &["g++"] };

/// What makes LLVM count edges and watch comparisons, as `cargo fuzz` does it.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing";

/// Larger inputs are slower and reach nothing else.
const MOST_BYTES: u32 = 16 * 1024;

/// All targets, or the named one.
pub(crate) fn run(workspace: &Workspace, target: Option<&str>) -> Result<(), Failure> {
    let mut targets = targets(workspace)?;
    if let Some(wanted) = target {
        targets.retain(|target| target == wanted);
        if targets.is_empty() {
            return Err(Failure::new(
                format!("no target is named {wanted}"),
                "The targets are the folders of fuzz/seeds.",
            ));
        }
    }
    progress::run(steps(workspace, &targets, SECONDS))
}

/// Every target, for so many seconds each.
pub(crate) fn all(workspace: &Workspace, seconds: u32) -> Result<Vec<Step<'_>>, Failure> {
    Ok(steps(workspace, &targets(workspace)?, seconds))
}

fn steps<'a>(workspace: &'a Workspace, targets: &[String], seconds: u32) -> Vec<Step<'a>> {
    let mut steps = vec![
        Step::new("a C++ compiler for libFuzzer, from Debian's packages where missing", || {
            debian::provide(&[COMPILER])
        }),
        Step::new("building the fuzz targets with coverage (minutes when nothing is built yet)", || {
            build(workspace)
        }),
    ];
    let cores = thread::available_parallelism().map_or(1, usize::from);
    for together in targets.chunks(cores) {
        let together = together.to_vec();
        let title = format!("fuzzing {} for {seconds} s", together.join(", "));
        steps.push(Step::new(title, move || fuzz(workspace, &together, seconds)));
    }
    steps
}

/// Each target has a folder of seeds, and each folder a target: a test of `fuzz/` compares them.
fn targets(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let folder = workspace.path("fuzz/seeds");
    let entries = on_disk(&folder, fs::read_dir(&folder))?;
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn build(workspace: &Workspace) -> Result<(), Failure> {
    let host = host()?;
    let target_dir = workspace.path(TARGET_DIR);
    let mut cargo =
        command::cargo(workspace, &["build", "--release", "--package", "evergrant-fuzz", "--bin", "fuzz"]);
    // With a target named, build scripts and macros are not instrumented.
    cargo.args(["--features", "engine", "--target", &host, "--target-dir"]).arg(target_dir);
    cargo.env("RUSTFLAGS", INSTRUMENTATION);
    // Several units a crate make the linker drop counters; what a debug build asserts is what is to be found.
    cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    cargo.env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
    cargo.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    command::run(cargo)
}

const TARGET_DIR: &str = "fuzz/target";

/// The triple of this machine.
fn host() -> Result<String, Failure> {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.arg("-vV");
    let printed = command::output(rustc)?;
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Failure::new("rustc does not say what it runs on", "Is `rustc -vV` Rust's?"))
}

/// Runs some targets side by side, each with its own corpus and log.
fn fuzz(workspace: &Workspace, targets: &[String], seconds: u32) -> Result<(), Failure> {
    let program = workspace.path(TARGET_DIR).join(host()?).join("release/fuzz");
    let mut running = Vec::new();
    for target in targets {
        running.push((target, Run::begin(workspace, &program, target, seconds)?));
    }
    // All are waited for before the first failure is told: none runs on alone.
    let ended: Vec<_> = running.into_iter().map(|(target, run)| (target, run.end())).collect();
    for (target, outcome) in ended {
        println!("      {target}: {}", outcome?);
    }
    Ok(())
}

/// One target under way.
struct Run {
    child: Child,
    log: PathBuf,
    again: String,
}

impl Run {
    fn begin(workspace: &Workspace, program: &Path, target: &str, seconds: u32) -> Result<Self, Failure> {
        let own = workspace.path(TARGET_DIR).join("work").join(target);
        let corpus = own.join("corpus");
        on_disk(&corpus, fs::create_dir_all(&corpus))?;
        let log = own.join("log");
        let output = on_disk(&log, File::create(&log))?;
        let errors = on_disk(&log, output.try_clone())?;
        let mut engine = Command::new(program);
        engine
            .env("EVERGRANT_FUZZ_TARGET", target)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={MOST_BYTES}"))
            .arg(format!("-artifact_prefix={}/", own.display()))
            .arg(format!("-dict={}", workspace.path("fuzz/dictionary.txt").display()))
            .args(["-timeout=60", "-rss_limit_mb=4096", "-print_final_stats=1"])
            .arg(&corpus)
            .arg(workspace.path("fuzz/seeds").join(target))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let child = engine.spawn().map_err(|error| {
            Failure::new(format!("{}: {error}", program.display()), "Run `cargo xtask fuzz` again.")
        })?;
        let again = format!("EVERGRANT_FUZZ_TARGET={target} {} FILE", program.display());
        Ok(Self { child, log, again })
    }

    fn end(mut self) -> Result<Report, Failure> {
        let status = on_disk(&self.log, self.child.wait())?;
        let log = String::from_utf8_lossy(&on_disk(&self.log, fs::read(&self.log))?).into_owned();
        if !status.success() {
            return Err(Failure::new(
                format!("a finding:\n{}", report::finding(&log)),
                format!(
                    "The whole log is {}. To run the input again:\n  {}\nA copy of it in fuzz/seeds keeps it found.",
                    self.log.display(),
                    self.again
                ),
            ));
        }
        Report::of(&log).ok_or_else(|| {
            Failure::new(
                "the engine sees nothing of what it runs, or runs next to nothing",
                format!("Its log is {}: does this toolchain still instrument?", self.log.display()),
            )
        })
    }
}

fn on_disk<T>(path: &Path, outcome: std::io::Result<T>) -> Result<T, Failure> {
    outcome.map_err(|error| Failure::new(format!("{}: {error}", path.display()), "Is the disk full?"))
}
