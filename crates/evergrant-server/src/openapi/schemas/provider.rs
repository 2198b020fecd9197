//! The catalogue, and the pages of problems.

use evergrant::proto::{
    diagnosis::Action,
    provider::{PkceSupport, RefreshTokens, Replacement, RevocationScope, Verification},
};
use evergrant_explain::problems;

use super::{Named, client::authentication};
use crate::openapi::schema::{Schema, count, flag, list, map, named, names_of, number, object, one_of, text};

pub(super) fn schemas() -> Named {
    vec![
        ("Provider", provider()),
        ("Providers", providers()),
        ("CauseIndex", cause_index()),
        ("CausePage", cause_page()),
    ]
}

fn providers() -> Schema {
    let listed = object()
        .always("id", text(), "Its id: what a client names.")
        .always("name", text(), "What people call it.")
        .always("parameters", list(text()), "What has to be said when a client is added.")
        .always("verification", names_of::<Verification>(), "On what the entry rests.")
        .always("confidence", confidence().or_null(), "How far the entry can be relied on.")
        .always("own", flag(), "Whether it is the operator's entry, and not the one that ships.");
    object().always("providers", list(listed), "By id.")
}

/// Below 0.5 there are addresses and nothing else.
fn confidence() -> Schema {
    number().with("minimum", 0).with("maximum", 1)
}

fn provider() -> Schema {
    object()
        .always("id", text(), "Its id.")
        .always("name", text(), "What people call it.")
        .maybe("issuer", text(), "Its issuer identifier (RFC 8414 2), maybe with placeholders.")
        .always("endpoints", endpoints(), "Its endpoints, maybe with placeholders: `https://{host}/token`.")
        .always("client", client_facts(), "How clients register and authenticate.")
        .always("offline", offline(), "How an authorization brings a refresh token.")
        .always("lifetimes", lifetimes(), "How long things live when the answer does not say.")
        .always("rotation", named("RotationPolicy"), "What becomes of a refresh token that was used.")
        .always("refresh", refresh(), "Limits on refreshing.")
        .always("revocation", revocation(), "What a revocation ends.")
        .always(
            "dialect",
            dialect(),
            "Where its messages depart from the RFCs; docs/catalogue.md has every member.",
        )
        .always("pages", pages(), "Pages for people.")
        .always("recognition", recognition(), "By what it is recognized.")
        .always("knowledge", knowledge(), "How much of this is known, and whence.")
        .meaning("All that the catalogue says of a provider.")
}

fn endpoints() -> Schema {
    let template = || text().or_null();
    object()
        .always("authorization", template(), "RFC 6749 3.1.")
        .always("token", template(), "RFC 6749 3.2.")
        .always("refresh", template(), "Where refreshes go, if not to `token`.")
        .always("revocation", template(), "RFC 7009.")
        .always("introspection", template(), "RFC 7662.")
        .always("device_authorization", template(), "RFC 8628.")
        .always("userinfo", template(), "OpenID Connect Core 5.3.")
        .always("metadata", template(), "Its metadata, where RFC 8414 does not have them.")
}

fn client_facts() -> Schema {
    object()
        .always("authentication", list(authentication()), "Methods of the token endpoint, the best first.")
        .always("other_authentication", list(text()), "Methods that it takes and that are not spoken here.")
        .always("pkce", names_of::<PkceSupport>(), "What it does with proof keys (RFC 7636).")
}

fn offline() -> Schema {
    object()
        .always("issued", names_of::<RefreshTokens>(), "When it issues refresh tokens.")
        .maybe("setting", text(), "What has to be switched on at the provider first.")
        .always("scopes", text(), "Scopes that are added to the authorization request, separated by spaces.")
        .always("parameters", map(text()), "Parameters that are added to it.")
}

fn lifetimes() -> Schema {
    let seconds = || count().or_null();
    object()
        .always("access_token", seconds(), "Of an access token, in seconds.")
        .always("idle", seconds(), "Of a refresh token that is not used, in seconds.")
        .always("absolute", seconds(), "Of the whole chain from the consent on, in seconds.")
        .always("testing", seconds(), "Of the grants of an application that is not published, in seconds.")
        .always("live_tokens", seconds(), "How many refresh tokens one user and client may have.")
        .always("ended_by", list(named("Cause")), "What else ends a grant here.")
}

fn refresh() -> Schema {
    object()
        .always("replaces", names_of::<Replacement>(), "Whether a refresh brings another refresh token.")
        .always(
            "not_before_percent",
            count().up_to(100).or_null(),
            "An earlier refresh is refused: share of the token's life.",
        )
        .always("ends_access_token", flag(), "Whether a refresh ends the access token before.")
}

fn revocation() -> Schema {
    object().always("scope", names_of::<RevocationScope>(), "What the revocation of one token ends.")
}

fn dialect() -> Schema {
    object().with("additionalProperties", true)
}

fn pages() -> Schema {
    let page = || text().or_null();
    let unchecked = one_of(["status", "console", "user_access", "documentation"]);
    object()
        .always("status", page(), "Whether it has an outage.")
        .always("console", page(), "Where its clients are managed.")
        .always("user_access", page(), "Where users see and withdraw access.")
        .always("documentation", page(), "Its documentation of OAuth.")
        .maybe("unchecked", list(unchecked), "Those that nobody has looked up.")
}

fn recognition() -> Schema {
    object()
        .always("aliases", list(text()), "Other names of it.")
        .always("hosts", list(text()), "Hosts beside those of its endpoints.")
        .always("headers", list(text()), "Headers that it alone sends.")
        .always("words", list(text()), "Words that it alone says.")
}

fn knowledge() -> Schema {
    object()
        .always("verification", names_of::<Verification>(), "On what the entry rests.")
        .maybe("confidence", confidence(), "How far it can be relied on.")
        .always("sources", list(text()), "Where it comes from.")
        .always("notes", list(text()), "What else people should know.")
}

fn cause_index() -> Schema {
    let listed = object()
        .always("id", named("Cause"), "The cause.")
        .always("title", text(), "What happened.")
        .always("root_cause", text(), "What really happened, in one sentence.")
        .always("page", text(), "Its page, on this server.");
    object().always("problems", list(listed), "The best hit first; without a search, by category.")
}

fn cause_page() -> Schema {
    let measured = object().always("worked", count(), "How often the grant worked afterwards.").always(
        "tried",
        count(),
        "How often it was taken.",
    );
    let advice = || {
        object()
            .always("what", text(), "What to do, or what people try.")
            .always("why", text(), "Why it helps, or why it cannot.")
            .maybe("action", names_of::<Action>(), "The remedy of a diagnosis that this is.")
            .maybe("measured", measured.clone(), "How often it helped here.")
    };
    let applies_to = object()
        .always("everywhere", flag(), "Whether any server can answer so.")
        .always("providers", list(text()), "Ids of the catalogue.")
        .always("libraries", map(text()), "Libraries, with their versions.");
    object()
        .always("id", named("Cause"), "The cause.")
        .always("title", text(), "What happened.")
        .always("meaning", text(), "What the cause means, in one sentence.")
        .always("permanent", flag(), "Whether repeating the same request can, as a rule, never succeed.")
        .always("root_cause", text(), "What really happened, in one sentence.")
        .always("category", names_of::<problems::Category>(), "Which list it stands in.")
        .always("culprits", list(names_of::<problems::Party>()), "Who can be at fault, the likeliest first.")
        .always("error_codes", list(text()), "Codes that come with it.")
        .always("statuses", list(count()), "HTTP statuses that come with it.")
        .always("symptoms", list(text()), "Texts as providers and libraries write them.")
        .always("applies_to", applies_to, "Where it is met.")
        .always("verification", names_of::<problems::Verification>(), "On what the page rests.")
        .always("workarounds", list(advice()), "What helps, the best first.")
        .always("dead_ends", list(advice()), "What never helps.")
        .always("related", list(named("Cause")), "Neighbours that are taken for it.")
        .always("questions", list(text()), "What people type when they meet it.")
        .meaning("A cause for programs.")
}
