//! What the process gives up, so that what it knows stays in it.

use rustix::{
    fs::Mode,
    process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit, umask},
};

/// A core file would hold tokens and keys; so does memory that a debugger of the same user reads. Where the system has
/// no such thing, its own rules apply.
pub(crate) fn keep_memory_private() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Files are their owner's alone, whoever makes them. For a server: a command starts a browser, whose downloads are none
/// of our business.
pub(crate) fn keep_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}
