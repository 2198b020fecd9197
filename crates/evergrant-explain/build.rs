//! Lists the pages of problems, so that explaining a cause is adding one file.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    // Asked for at run time: a target folder that two checkouts share keeps one build of this script for both.
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package");
    let folder = Path::new(&package).join("../../problems");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder problems is part of the source")
        .map(|entry| entry.expect("the folder problems is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    let mut list = String::from("[");
    for path in &files {
        let name = path.file_stem().expect("a .md file has a stem").to_string_lossy();
        write!(list, "({name:?}, include_str!({:?})),", path.display().to_string())
            .expect("a string takes any text");
    }
    list.push(']');
    let target = Path::new(&env::var_os("OUT_DIR").expect("cargo names the folder")).join("problems.rs");
    fs::write(target, list).expect("cargo's folder can be written");
}
