//! What pure code may not name, and what to do instead.

use super::paths::NamedPath;

/// Modules and functions, with everything in them.
const MODULES: [(&str, &str); 10] = [
    ("std::*", "it hides what is imported"),
    ("std::env", "settings come in as arguments"),
    ("std::fs", "effects go out as values"),
    ("std::io", "effects go out as values"),
    ("std::os", "effects go out as values"),
    ("std::process", "effects go out as values"),
    ("std::thread", "whoever drives this code owns the threads"),
    ("std::hash::RandomState", "randomness comes in as bytes"),
    ("std::future", "state machines are driven, they do not wait"),
    ("KeyPair::generate", "randomness comes in as bytes"),
];

/// Names that are impure wherever they come from.
const WORDS: [(&str, &str); 21] = [
    ("SystemTime", "time comes in as an argument"),
    ("Instant", "time comes in as an argument"),
    ("UNIX_EPOCH", "time comes in as an argument"),
    ("TcpStream", "effects go out as values"),
    ("TcpListener", "effects go out as values"),
    ("UdpSocket", "effects go out as values"),
    ("ToSocketAddrs", "it resolves names"),
    ("tokio", "state machines are driven, they do not wait"),
    ("futures_util", "state machines are driven, they do not wait"),
    ("async", "state machines are driven, they do not wait"),
    ("await", "state machines are driven, they do not wait"),
    ("rand", "randomness comes in as bytes"),
    ("fastrand", "randomness comes in as bytes"),
    ("getrandom", "randomness comes in as bytes"),
    ("OsRng", "randomness comes in as bytes"),
    ("SystemRandom", "randomness comes in as bytes"),
    ("reqwest", "effects go out as values"),
    ("hyper", "effects go out as values"),
    ("axum", "effects go out as values"),
    ("rusqlite", "effects go out as values"),
    ("rustix", "effects go out as values"),
];

const MACROS: [(&str, &str); 6] = [
    ("print", "effects go out as values"),
    ("println", "effects go out as values"),
    ("eprint", "effects go out as values"),
    ("eprintln", "effects go out as values"),
    ("dbg", "effects go out as values"),
    ("thread_local", "it is global state"),
];

/// What a person has looked at and found harmless: in which file, what it names, why it may. One that nothing
/// needs any more is an error, so that the list cannot outlive its reasons.
pub(crate) const EXCEPTIONS: [(&str, &str, &str); 3] = [
    (
        "crates/evergrant-rehearse/src/provider/signing.rs",
        "aws_lc_rs::rand::SystemRandom",
        "the signing function wants one",
    ),
    (
        "crates/evergrant-rehearse/src/provider/signing.rs",
        "SystemRandom::new",
        "PKCS #1 v1.5 is deterministic: the generator is not consulted",
    ),
    (
        "crates/evergrant-rehearse/src/provider/signing.rs",
        "KeyPair::generate",
        "the constructor of a key; the provider is handed one and never makes one",
    ),
];

/// Why this path is forbidden; `None` if it is pure.
pub(crate) fn reason(path: &NamedPath) -> Option<&'static str> {
    let whole = path.segments.join("::");
    let module = MODULES.iter().find(|(module, _)| {
        whole.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    });
    let word = || WORDS.iter().find(|(word, _)| path.segments.iter().any(|segment| segment == word));
    let called = || MACROS.iter().find(|(name, _)| path.is_macro && path.segments == [*name]);
    module.or_else(word).or_else(called).map(|(_, reason)| *reason)
}
