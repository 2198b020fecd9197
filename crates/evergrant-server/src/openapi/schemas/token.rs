//! Access tokens.

use super::Named;
use crate::openapi::schema::{count, named, object, text, time};

pub(super) fn schemas() -> Named {
    let token = object()
        .always(
            "access_token",
            text().shown_once(),
            "The token. Keep it in memory only, and ask again instead of storing it.",
        )
        .always("token_type", text(), "How it is presented (RFC 6749 7.1): `Bearer`, as a rule.")
        .maybe("expires_at", time(), "When it ends. Absent if the provider did not say, or it has no end.")
        .maybe("expires_in", count(), "Seconds until then.")
        .always("scope", text(), "What it is good for, separated by spaces; empty: nobody said.")
        .always("generation", count(), "What a rejection of it names.")
        .maybe("warning", named("Diagnosis"), "The token works, and its grant is in trouble.")
        .meaning("An access token that works now.");
    vec![("Token", token)]
}
