//! The headers of answers.

use serde_json::{Map, Value, json};

use super::schema::{Schema, address, count, one_of, pattern, text};

/// Every header that an answer can have, but for those of HTTP itself: name, whether an answer that has it in its
/// description always has it, what it looks like, and what it means.
pub(super) fn headers() -> Value {
    let headers = [
        (
            "X-Request-Id",
            true,
            request_id(),
            "The caller's own `X-Request-Id`, or one that was made for this request. It is in the log.",
        ),
        (
            "Cache-Control",
            false,
            text(),
            "Whether the answer may be kept: `no-store` for whatever is somebody's.",
        ),
        ("WWW-Authenticate", false, text(), "How to authenticate, and what was wrong (RFC 6750 3)."),
        (
            "Retry-After",
            false,
            count().with("minimum", 1),
            "Seconds after which to ask again; also `retry_after` of the problem.",
        ),
        (
            "RateLimit-Policy",
            false,
            text(),
            "How many requests this key may make in how many seconds: `\"default\";q=1000;w=10`. Absent where the operator set no limit.",
        ),
        (
            "RateLimit",
            false,
            text(),
            "How many are left, and in how many seconds all of them are there again: `\"default\";r=999;t=1`.",
        ),
        ("Location", true, text(), "Where to find what was made."),
        (
            "Idempotency-Replayed",
            false,
            one_of(["true"]),
            "This answer was given before, to the same request of the same `Idempotency-Key`.",
        ),
        ("Pragma", true, one_of(["no-cache"]), "For caches older than `Cache-Control` (RFC 6749 5.1)."),
        (
            "Authorization",
            true,
            text().shown_once(),
            "What to copy into the request to the API: type and access token.",
        ),
        (
            "Evergrant-Problem",
            false,
            text(),
            "Why there is no token: the last segment of the problem's `type`.",
        ),
        ("Evergrant-Reauthorize-Url", false, address(), "Where the user repairs the grant."),
        ("X-Accel-Buffering", false, one_of(["no"]), "Asks a proxy not to hold events back."),
        ("Vary", false, text(), "The answer depends on the `Accept` of the request."),
        ("Content-Security-Policy", false, text(), "Nothing is loaded and nothing runs."),
        ("Referrer-Policy", false, text(), "The address of the page is not passed on."),
        ("X-Content-Type-Options", false, text(), "The page is what it says that it is."),
        ("X-Frame-Options", false, text(), "The page is put into no other."),
    ];
    let header = |(name, always, schema, words): (&str, bool, Schema, &str)| {
        let header = json!({ "description": words, "required": always, "schema": Value::from(schema) });
        (name.to_owned(), header)
    };
    headers.into_iter().map(header).collect::<Map<_, _>>().into()
}

fn request_id() -> Schema {
    pattern("^[A-Za-z0-9._-]{1,64}$")
}
