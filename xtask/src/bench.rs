//! `cargo xtask bench`: every benchmark by itself in release, then one table. A benchmark prints
//! `BENCH name=… ratio=… bound=… direction=max|min …` for each thing it measures; a ratio beyond its bound fails.

use crate::{Failure, command, source, workspace::Workspace};

pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let mut names = Vec::new();
    for package in packages(workspace)? {
        names.extend(benchmarks(workspace, &package)?.into_iter().map(|name| (package.clone(), name)));
    }
    let mut results = Vec::new();
    for (index, (package, name)) in names.iter().enumerate() {
        println!("[{}/{}] {name}", index + 1, names.len());
        let printed =
            command::output(command::cargo(workspace, &["bench", "--package", package, "--bench", name]))?;
        print!("{printed}");
        results.extend(measurements(name, &printed)?);
    }
    println!("\n{}", table(&results));
    verdict(&results)
}

/// The crates that have benchmarks.
fn packages(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let folder = workspace.path("crates");
    let unreadable = |error: std::io::Error| {
        Failure::new(format!("cannot read {}: {error}", folder.display()), "Is this a whole checkout?")
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().join("benches").is_dir() {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// Each file directly in `benches/` is one; `mod.rs` of a folder there is shared code.
fn benchmarks(workspace: &Workspace, package: &str) -> Result<Vec<String>, Failure> {
    let folder = workspace.path("crates").join(package).join("benches");
    let missing =
        || Failure::new(format!("no benchmark in {}", folder.display()), "Is this a whole checkout?");
    if !folder.is_dir() {
        return Err(missing());
    }
    let files = source::rust_files(&folder)?;
    let own = files.iter().filter(|file| file.parent() == Some(&folder));
    let names: Vec<_> =
        own.filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned())).collect();
    if names.is_empty() { Err(missing()) } else { Ok(names) }
}

#[derive(Debug, PartialEq)]
struct Measurement {
    name: String,
    ratio: f64,
    bound: f64,
    direction: Direction,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Direction {
    /// The ratio must not be larger than the bound.
    Max,
    /// The ratio must not be smaller than the bound.
    Min,
}

impl Measurement {
    /// `None` if the line lacks something or a number is none.
    fn parse(fields: &str) -> Option<Self> {
        let (fields, detail) = fields.split_once("detail=").unwrap_or((fields, ""));
        let field = |name: &str| {
            fields.split_whitespace().find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let number = |name: &str| field(name)?.parse().ok().filter(|value: &f64| value.is_finite());
        let direction = match field("direction")? {
            "max" => Direction::Max,
            "min" => Direction::Min,
            _ => return None,
        };
        Some(Self {
            name: field("name")?.to_owned(),
            ratio: number("ratio")?,
            bound: number("bound")?,
            direction,
            detail: detail.trim_matches('"').to_owned(),
        })
    }

    fn holds(&self) -> bool {
        match self.direction {
            Direction::Max => self.ratio <= self.bound,
            Direction::Min => self.ratio >= self.bound,
        }
    }
}

/// A benchmark that prints nothing, or a line that cannot be read, is a failure: silence is no success.
fn measurements(benchmark: &str, printed: &str) -> Result<Vec<Measurement>, Failure> {
    let lines: Vec<_> = printed.lines().filter_map(|line| line.strip_prefix("BENCH ")).collect();
    let parsed: Option<Vec<_>> = lines.iter().map(|line| Measurement::parse(line)).collect();
    parsed.filter(|parsed| !parsed.is_empty()).ok_or_else(|| {
        Failure::new(
            format!("benchmark {benchmark} printed no result that can be read"),
            "Each result is a line: BENCH name=… ratio=… bound=… direction=max|min detail=…",
        )
    })
}

fn table(results: &[Measurement]) -> String {
    let heading = format!("{:<40} {:>9} {:>9}  {:<4} detail", "name", "ratio", "bound", "");
    std::iter::once(heading).chain(results.iter().map(row)).collect::<Vec<_>>().join("\n")
}

fn row(result: &Measurement) -> String {
    let Measurement { name, ratio, bound, direction, detail } = result;
    let sign = if *direction == Direction::Max { '≤' } else { '≥' };
    let verdict = if result.holds() { "ok" } else { "FAIL" };
    format!("{name:<40} {ratio:>9.3} {sign} {bound:>7.3}  {verdict:<4} {detail}")
}

fn verdict(results: &[Measurement]) -> Result<(), Failure> {
    let beyond: Vec<_> =
        results.iter().filter(|result| !result.holds()).map(|result| result.name.as_str()).collect();
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format!("beyond its bound: {}", beyond.join(", ")),
        "Was anything else running? A benchmark needs the machine to itself.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(ratio: &str, direction: &str) -> Measurement {
        Measurement::parse(&format!(
            "name=read ratio={ratio} bound=1.5 direction={direction} unit=x detail=12 ns, 8 ns"
        ))
        .unwrap()
    }

    #[test]
    fn a_bound_holds_from_its_side_only() {
        assert!(measured("1.5", "max").holds() && !measured("1.51", "max").holds());
        assert!(measured("1.5", "min").holds() && !measured("1.49", "min").holds());
        assert_eq!(measured("1", "max").detail, "12 ns, 8 ns");
    }

    #[test]
    fn a_benchmark_beyond_its_bound_fails_the_run() {
        assert!(verdict(&[measured("1", "max")]).is_ok());
        assert!(verdict(&[measured("1", "max"), measured("2", "max")]).unwrap_err().what.contains("read"));
    }

    #[test]
    fn every_benchmark_of_the_checkout_is_found() {
        let workspace = Workspace::locate();
        let packages = packages(&workspace).unwrap();
        assert!(packages.contains(&"evergrant-cli".to_owned()), "{packages:?}");
        for package in packages {
            assert!(!benchmarks(&workspace, &package).unwrap().is_empty(), "{package}");
        }
    }

    #[test]
    fn silence_is_no_success() {
        assert!(measurements("quiet", "done\n").is_err());
        assert!(measurements("broken", "BENCH name=x ratio=NaN bound=1 direction=max\n").is_err());
        assert_eq!(measurements("fine", "BENCH name=x ratio=1 bound=1 direction=max\n").unwrap().len(), 1);
    }
}
