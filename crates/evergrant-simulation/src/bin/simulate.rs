//! Plays many seeds on all cores, and stops at the first that breaks an invariant: shrunk, with its trace.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use evergrant_simulation::{Options, Policy, Script, Summary, Violation, play, run, shrink};

/// Nearly all that a run does is to copy small records.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
usage: simulate --seeds FROM..TO [--policy P0..P7|unknown] [--steps 500] [--jobs N] [--survey]
       simulate --seed SEED [--policy POLICY] [--steps 500] [--only 3,17,40] [--shrink]

--seeds  plays them on all cores; at the first violation prints a shrunk history and the command that repeats it
--survey plays all of them whatever they break, and counts what they break
--seed   plays one, with its trace if it fails
--only   leaves out all other steps of the script";

/// What was asked for.
struct Arguments {
    seeds: std::ops::Range<u64>,
    options: Options,
    only: Option<Vec<usize>>,
    shrink: bool,
    survey: bool,
    jobs: usize,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(arguments) if arguments.seeds.end - arguments.seeds.start == 1 => one(&arguments),
        Ok(arguments) => many(&arguments),
        Err(complaint) => {
            eprintln!("{complaint}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let options = Options::default();
    let mut parsed =
        Arguments { seeds: 0..0, options, only: None, shrink: false, survey: false, jobs: cores };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--seed" => {
                let seed = number(&value()?)?;
                parsed.seeds = seed..seed + 1;
            }
            "--seeds" => {
                let text = value()?;
                let (from, to) = text.split_once("..").ok_or("--seeds needs FROM..TO")?;
                parsed.seeds = number(from)?..number(to)?;
            }
            "--policy" => {
                parsed.options.policy = Some(value()?.parse::<Policy>().map_err(|error| error.to_string())?);
            }
            "--steps" => parsed.options.steps = index(&value()?)?,
            "--jobs" => parsed.jobs = index(&value()?)?.max(1),
            "--only" => parsed.only = Some(value()?.split(',').map(index).collect::<Result<_, _>>()?),
            "--survey" => parsed.survey = true,
            "--shrink" => parsed.shrink = true,
            other => return Err(format!("{other} means nothing here")),
        }
    }
    if parsed.seeds.is_empty() { Err("no seeds were asked for".to_owned()) } else { Ok(parsed) }
}

fn number(text: &str) -> Result<u64, String> {
    text.replace('_', "").parse().map_err(|_| format!("{text} is no number"))
}

fn index(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

fn one(arguments: &Arguments) -> ExitCode {
    let Options { policy, steps } = arguments.options;
    let mut script = Script::of(arguments.seeds.start, policy, steps);
    if let Some(only) = &arguments.only {
        script = script.only(only);
    }
    match play(&script, true) {
        Ok(summary) => {
            println!("seed {} is in order: {summary:?}", arguments.seeds.start);
            ExitCode::SUCCESS
        }
        Err(violation) => {
            let violation = if arguments.shrink { shrink(&violation) } else { violation };
            show(&violation);
            ExitCode::FAILURE
        }
    }
}

/// What all threads share.
struct Work {
    next: AtomicU64,
    done: AtomicU64,
    presentations: AtomicU64,
    busiest: Mutex<[usize; 3]>,
    deaths: Mutex<BTreeMap<String, usize>>,
    /// By the invariant that is broken and what the evidence begins with: how often, and the shortest run.
    found: Mutex<BTreeMap<String, (u64, Box<Violation>)>>,
    stop: AtomicBool,
}

fn many(arguments: &Arguments) -> ExitCode {
    let work = Work {
        next: AtomicU64::new(arguments.seeds.start),
        done: AtomicU64::new(0),
        presentations: AtomicU64::new(0),
        busiest: Mutex::new([0; 3]),
        deaths: Mutex::default(),
        found: Mutex::default(),
        stop: AtomicBool::new(false),
    };
    #[expect(clippy::disallowed_methods, reason = "how long it took is said, and decides nothing")]
    let began = Instant::now();
    thread::scope(|scope| {
        let players: Vec<_> =
            (0..arguments.jobs).map(|_| scope.spawn(|| play_seeds(arguments, &work))).collect();
        report_progress(arguments, &work, &players);
    });
    let busiest = *work.busiest.lock().expect("no player panics");
    let presentations = work.presentations.load(Ordering::Relaxed);
    let done = work.done.load(Ordering::Relaxed);
    let seconds = began.elapsed().as_secs_f64();
    let rate = f64::from(u32::try_from(done).unwrap_or(u32::MAX)) / seconds;
    println!("{done} seeds in {seconds:.0} s, {rate:.0} a second, with {presentations} refreshes");
    println!("the busiest windows of a grant: {busiest:?}");
    let deaths = work.deaths.into_inner().expect("no player panics");
    let deaths: Vec<_> = deaths.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    println!("deaths: {}", deaths.join(", "));
    let found = work.found.into_inner().expect("no player panics");
    if found.is_empty() {
        return ExitCode::SUCCESS;
    }
    for (count, violation) in found.values() {
        println!("\n{count} times, as in\n{violation}");
    }
    if let Some((_, first)) = found.values().next().filter(|_| !arguments.survey) {
        println!("shrinking");
        show(&shrink(first));
    }
    ExitCode::FAILURE
}

fn play_seeds(arguments: &Arguments, work: &Work) {
    while !work.stop.load(Ordering::Relaxed) {
        let seed = work.next.fetch_add(1, Ordering::Relaxed);
        if seed >= arguments.seeds.end {
            return;
        }
        match run(seed, &arguments.options) {
            Ok(summary) => note(work, &summary),
            Err(violation) => {
                work.stop.store(!arguments.survey, Ordering::Relaxed);
                let mut found = work.found.lock().expect("no player panics");
                let (count, shortest) =
                    found.entry(kind(&violation)).or_insert_with(|| (0, violation.clone()));
                *count += 1;
                if violation.steps < shortest.steps {
                    *shortest = violation;
                }
            }
        }
        work.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// What violations of the same kind have in common: the words of the evidence, without names and numbers.
fn kind(violation: &Violation) -> String {
    let words = violation.objection.evidence.split_whitespace();
    let plain =
        words.filter(|word| word.chars().all(|letter| letter.is_ascii_lowercase() || ",'".contains(letter)));
    format!("{:?} {}", violation.objection.invariant, plain.take(14).collect::<Vec<_>>().join(" "))
}

fn note(work: &Work, summary: &Summary) {
    work.presentations.fetch_add(summary.presentations as u64, Ordering::Relaxed);
    let mut busiest = work.busiest.lock().expect("no player panics");
    for (most, seen) in busiest.iter_mut().zip(summary.busiest) {
        *most = seen.max(*most);
    }
    let mut deaths = work.deaths.lock().expect("no player panics");
    for (cause, count) in &summary.deaths {
        *deaths.entry(cause.clone()).or_default() += count;
    }
}

/// Once a second, until all players have ended.
fn report_progress(arguments: &Arguments, work: &Work, players: &[thread::ScopedJoinHandle<'_, ()>]) {
    const BEAT: Duration = Duration::from_millis(200);
    let total = arguments.seeds.end - arguments.seeds.start;
    let mut beats = 0_u64;
    while players.iter().any(|player| !player.is_finished()) {
        thread::park_timeout(BEAT);
        beats += 1;
        if beats.is_multiple_of(25) {
            let done = work.done.load(Ordering::Relaxed).max(1);
            let seconds = beats / 5;
            let left = (total - done.min(total)) * seconds / done;
            print!("\r{done} of {total} seeds, {} a second, {left} s left   ", done / seconds.max(1));
            let _ = std::io::stdout().flush();
        }
    }
    if beats >= 25 {
        println!();
    }
}

fn show(violation: &Violation) {
    for line in &violation.trace {
        println!("{line}");
    }
    println!("{:?}", violation.script.setting);
    println!("{violation}");
}
