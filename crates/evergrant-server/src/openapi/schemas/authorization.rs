//! Authorizations.

use super::{Named, authorization_id, grant_id, scope};
use crate::openapi::schema::{address, list, name, named, object, one_of, text, time};

pub(super) fn schemas() -> Named {
    let states = ["open", "exchanging", "connected", "wrong_account", "failed", "expired"];
    let authorization = object()
        .always("id", authorization_id(), "Its id.")
        .always("client", name(), "The client that asks.")
        .always("state", one_of(states), "Where it stands.")
        .maybe("reason", text(), "Why it failed, as the provider says.")
        .maybe("diagnosis", named("Diagnosis"), "What that means, where the provider's answer tells.")
        .always(
            "grant",
            grant_id().or_null(),
            "The grant that it led to; before that, the one to be repaired.",
        )
        .always("scopes", list(scope()), "What is asked for.")
        .always("created_at", time(), "When it was opened.")
        .always("expires_at", time(), "When its link ends.")
        .meaning("An authorization, without what would let somebody finish it.");
    let opened = object()
        .always("id", authorization_id(), "Its id.")
        .always(
            "url",
            address(),
            "Send the user there. Whoever has it can finish the flow: give it to nobody else.",
        )
        .always(
            "connect_url",
            address(),
            "The same through our own page, which says who asks whom: for a message.",
        )
        .always("expires_at", time(), "When the link ends.");
    vec![("Authorization", authorization), ("OpenedAuthorization", opened)]
}
