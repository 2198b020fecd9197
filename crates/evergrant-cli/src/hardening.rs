//! What the process gives up, so that what it knows stays in it; and what it takes.

use rustix::{
    fs::Mode,
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask},
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

/// Takes as many file descriptors as the system lets it: the usual limit is for programs that cannot count beyond it, and
/// a server has one for each connection.
pub(crate) fn take_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
