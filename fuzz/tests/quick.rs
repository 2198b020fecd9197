//! Every target over its seeds and a fixed series of mutations of them, on the plain build, in seconds. What
//! `cargo xtask fuzz` does for minutes, with an engine that sees what an input reaches.

use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use evergrant_fuzz::{TARGETS, Target};

/// Mutations of a target that only parses.
const ROUNDS: usize = 30_000;

/// Longest mutated input.
const MOST_BYTES: usize = 4_096;

#[test]
fn every_target_survives_its_seeds() {
    for target in TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{} has no seeds in {}", target.name, folder(target).display());
        for seed in &seeds {
            run(target, seed);
        }
    }
}

#[test]
fn every_target_survives_mutations_of_its_seeds() {
    // The targets share nothing, and a second core is often there.
    let (even, odd): (Vec<_>, Vec<_>) = TARGETS.iter().enumerate().partition(|(index, _)| index % 2 == 0);
    std::thread::scope(|scope| {
        for half in [even, odd] {
            scope.spawn(move || half.into_iter().for_each(|(_, target)| mutate_all(target)));
        }
    });
}

#[test]
fn every_folder_of_seeds_has_a_target() {
    for entry in fs::read_dir(folder_of_all()).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(TARGETS.iter().any(|target| name == target.name), "no target is named {name:?}");
    }
}

fn mutate_all(target: &Target) {
    let mut draw = Draw(0x5eed);
    let seeds = seeds(target);
    for _ in 0..ROUNDS / target.cost {
        let mut input = seeds[draw.below(seeds.len())].clone();
        for _ in 0..=draw.below(6) {
            mutate(&mut input, &seeds, &mut draw);
        }
        input.truncate(MOST_BYTES);
        run(target, &input);
    }
}

/// One change: a byte, a stretch, or a piece of another seed.
fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], draw: &mut Draw) {
    const TELLING: &[u8] = b"\0\x01\x7f\x80\xff\"'{}[]()<>\\/%&=;:,. \n\r\t0-9eE+_~";
    let at = draw.below(input.len() + 1);
    let end = (at + draw.below(16)).min(input.len());
    match draw.below(6) {
        0 if at < input.len() => input[at] ^= 1 << draw.below(8),
        1 if at < input.len() => input[at] = TELLING[draw.below(TELLING.len())],
        2 => drop(input.drain(at..end)),
        3 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        4 => input.insert(at, TELLING[draw.below(TELLING.len())]),
        _ => {
            let other = &seeds[draw.below(seeds.len())];
            let from = draw.below(other.len() + 1);
            let to = (from + draw.below(64)).min(other.len());
            input.splice(at..end, other[from..to].iter().copied());
        }
    }
}

/// Says which input it was: as a file of seeds, it is tried from then on.
fn run(target: &Target, input: &[u8]) {
    let found = catch_unwind(|| (target.run)(input)).is_err();
    assert!(
        !found,
        "the target {} has a finding; keep it with:\n  printf -- '{}' > {}",
        target.name,
        escaped(input),
        folder(target).join("a_name_that_says_what").display()
    );
}

fn escaped(input: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _-{}[]:,.=&/?\"".contains(&byte);
    let write =
        |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("\\{byte:03o}") };
    input.iter().map(write).collect()
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder(target)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed can be read")).collect()
}

fn folder(target: &Target) -> PathBuf {
    folder_of_all().join(target.name)
}

fn folder_of_all() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

/// The generator SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the same series in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).expect("below a usize")
    }
}
