//! Lists the files of the catalogue, so that adding a provider is adding one file.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    // Asked for at run time: a target folder that two checkouts share keeps one build of this script for both.
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package");
    let folder = Path::new(&package).join("../../catalogue");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder catalogue is part of the source")
        .map(|entry| entry.expect("the folder catalogue is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let mut list = String::from("[");
    for path in &files {
        let id = path.file_stem().expect("a .toml file has a stem").to_string_lossy();
        write!(list, "({id:?}, include_str!({:?})),", path.display().to_string())
            .expect("a string takes any text");
    }
    list.push(']');
    let target = Path::new(&env::var_os("OUT_DIR").expect("cargo names the folder")).join("catalogue.rs");
    fs::write(target, list).expect("cargo's folder can be written");
}
