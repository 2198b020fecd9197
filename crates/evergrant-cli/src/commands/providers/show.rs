//! `evergrant providers show`.

use std::{collections::BTreeMap, time::Duration};

use evergrant::proto::{
    diagnosis::Certainty,
    provider::{
        Catalogue, ClientInRefresh, Dialect, Meaning, PLACEHOLDERS, Page, Provider, RefreshTokens,
        Replacement, RotationKind, RotationPolicy, Signature, TokenMethod,
    },
};
use serde::Serialize;

use crate::{
    cli::Format,
    failure::Failure,
    output::{
        self,
        style::{self, Tone},
        table::Table,
        text::clean,
    },
};

/// What nobody has found out is said, so that its absence is not taken for a promise.
const UNKNOWN: &str = "unknown";

pub(super) fn run(catalogue: &Catalogue, id: &str, format: Format) -> Result<(), Failure> {
    let provider = catalogue.find(id).ok_or_else(|| Failure::no_such_provider(id))?;
    match format {
        Format::Json => output::print_json(provider),
        Format::Text => output::print(&describe(provider, catalogue.is_own(&provider.id))),
    }
}

fn describe(provider: &Provider, is_own: bool) -> String {
    let mut sections = vec![
        heading(provider, is_own),
        section("Addresses", &addresses(provider)),
        section("Client", &client(provider)),
        section("Refresh token", &refresh_token(provider)),
        section("Lifetimes", &lifetimes(provider)),
    ];
    if provider.dialect != Dialect::default() {
        sections
            .extend([section("Dialect", &dialect(&provider.dialect)), answers(&provider.dialect.signatures)]);
    }
    sections.push(section("Pages", &pages(provider)));
    sections.extend([list("Notes", &provider.knowledge.notes), list("Sources", &provider.knowledge.sources)]);
    sections.retain(|section| !section.is_empty());
    sections.join("\n\n")
}

fn heading(provider: &Provider, is_own: bool) -> String {
    let knowledge = &provider.knowledge;
    let confidence = knowledge
        .confidence
        .map(|confidence| format!(", confidence 0.{:02}", confidence.percent().min(99)))
        .unwrap_or_default();
    let origin = if is_own { ", from your own catalogue" } else { "" };
    let name = style::of_stdout().paint(Tone::Heading, &clean(&provider.name));
    format!("{name} ({})\n  {}{confidence}{origin}", provider.id, name_of(knowledge.verification))
}

fn section(title: &str, table: &Table) -> String {
    let body = table.render(style::of_stdout());
    if body.is_empty() { body } else { format!("{}\n{}", title_of(title), indented(&body)) }
}

fn list(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: Vec<_> = lines.iter().map(|line| format!("* {}", clean(line).replace('\n', " "))).collect();
    format!("{}\n{}", title_of(title), indented(&lines.join("\n")))
}

fn title_of(title: &str) -> String {
    style::of_stdout().paint(Tone::Heading, title)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn addresses(provider: &Provider) -> Table {
    let mut table = Table::of_one();
    table.pair("issuer", provider.issuer.as_ref().map(ToString::to_string));
    for (name, template) in provider.endpoints.named() {
        let wanted = matches!(name, "authorization" | "token");
        let shown = template.map(ToString::to_string).or_else(|| wanted.then(|| UNKNOWN.to_owned()));
        table.pair(&name.replace('_', " "), shown);
    }
    for name in provider.parameters() {
        let meaning = PLACEHOLDERS.iter().find(|(placeholder, _)| *placeholder == name);
        table.pair(&format!("{{{name}}}"), meaning.map(|(_, meaning)| format!("you say: {meaning}")));
    }
    table
}

fn client(provider: &Provider) -> Table {
    let mut table = Table::of_one();
    let methods = provider.client.authentication.iter().map(name_of).collect::<Vec<_>>();
    table.pair("authentication", or_unknown(methods.join(", ")));
    table.pair("not spoken here", provider.client.other_authentication.join(", "));
    table.pair("PKCE", name_of(provider.client.pkce));
    table
}

fn refresh_token(provider: &Provider) -> Table {
    let (offline, refresh) = (&provider.offline, &provider.refresh);
    let mut table = Table::of_one();
    table.pair("issued", name_of(offline.issued).replace('_', " "));
    if provider.dialect.access_token_renews_itself() {
        table.pair("in its place", "the access token, renewed by itself while it lives".to_owned());
        let first = provider.dialect.refresh.short_lived.as_deref();
        table.pair(
            "first of all",
            first.map(|first| {
                format!("one that lives less than {} is exchanged at {}", span(first.below), first.url)
            }),
        );
    } else if offline.issued == RefreshTokens::Never {
        return table;
    }
    table.pair("switch on", offline.setting.clone());
    table.pair("ask for scope", offline.scopes.to_string());
    table.pair("ask with", pairs(&offline.parameters));
    table.pair("replaced", replaced(refresh.replaces).to_owned());
    rotation(&provider.rotation, &mut table);
    table.pair(
        "not before",
        refresh.not_before_percent.map(|percent| format!("{percent} % of the access token's life")),
    );
    table.pair(
        "besides",
        refresh.ends_access_token.then(|| "a refresh ends the access token before".to_owned()),
    );
    table.pair("revocation ends", name_of(provider.revocation.scope));
    table
}

fn replaced(replacement: Replacement) -> &'static str {
    match replacement {
        Replacement::Always => "by each refresh",
        Replacement::Sometimes => "by some refreshes",
        Replacement::Never => "never: it stays the same",
        Replacement::Unknown => UNKNOWN,
    }
}

fn rotation(rotation: &RotationPolicy, table: &mut Table) {
    table.pair("the old one", meaning_of(rotation.kind).to_owned());
    table.pair("window", rotation.window.map(span));
    table.pair("repetitions", rotation.count.map(|count| count.to_string()));
    if rotation.kind != RotationKind::Reusable {
        table.pair("a replay ends", name_of(rotation.revokes).replace('_', " "));
    }
}

fn meaning_of(kind: RotationKind) -> &'static str {
    match kind {
        RotationKind::Reusable => "keeps working",
        RotationKind::OneTime => "is refused; its successor lives",
        RotationKind::ReplayRevokes => "ends every token of the grant when it is used again",
        RotationKind::GraceSame => "brings the same successor again, inside the window",
        RotationKind::GraceNew => "brings another pair, inside the window",
        RotationKind::LatestWins => "works a number of times; the latest answer counts",
        RotationKind::UntilSuccessorUsed => "works until its successor is used",
        RotationKind::LongOverlap => "works for the window",
        RotationKind::Unknown => "unknown: treated as if a replay ended every token of the grant",
    }
}

fn lifetimes(provider: &Provider) -> Table {
    let lifetimes = &provider.lifetimes;
    let shown = |lifetime: Option<Duration>| lifetime.map_or_else(|| UNKNOWN.to_owned(), span);
    let mut table = Table::of_one();
    table.pair("access token", shown(lifetimes.access_token));
    table.pair("unused refresh token", shown(lifetimes.idle));
    table.pair("whole grant", shown(lifetimes.absolute));
    table.pair("unpublished app", lifetimes.testing.map(span));
    table.pair(
        "live at once",
        lifetimes
            .live_tokens
            .map_or_else(|| UNKNOWN.to_owned(), |count| format!("{count} of a user and client")),
    );
    let ends: Vec<_> = lifetimes.ended_by.iter().map(|cause| cause.as_str()).collect();
    table.pair("ended by", or_unknown(ends.join(", ")));
    table
}

fn dialect(dialect: &Dialect) -> Table {
    let usual = Dialect::default();
    let mut table = Table::of_one();
    let separator = |character: char| format!("{character:?}");
    table.pair(
        "between scopes",
        (dialect.scope_separator != usual.scope_separator).then(|| separator(dialect.scope_separator)),
    );
    table.pair("in answers", dialect.granted_scope_separator.map(separator));
    table.pair("tokens are in", dialect.token_path.clone());
    table.pair("token requests are", query_of(dialect.token_method));
    table.pair("refreshes are", dialect.refresh.method.and_then(query_of));
    table.pair("grant type", dialect.refresh.grant_type.clone());
    table.pair("refresh names", pairs(&dialect.refresh.names));
    table.pair("client in refreshes", client_in(dialect.refresh.client));
    table.pair("bodies are", dialect.json_body.then(|| "JSON".into()));
    table.pair("a refresh names", dialect.redirect_uri_on_refresh.then(|| "the redirect URI".into()));
    table.pair("token requests say", pairs(&dialect.token_parameters));
    table.pair("refreshes say", pairs(&dialect.refresh_parameters));
    table.pair("headers", pairs(&dialect.token_headers));
    table.pair("authorization names", pairs(&dialect.authorization_names));
    table.pair("request names", pairs(&dialect.request_names));
    table.pair("response names", pairs(&dialect.response_names));
    table.pair("expires_in of 0", dialect.zero_lifetime_is_endless.then(|| "no end".into()));
    table.pair("no expires_in", dialect.absent_lifetime_is_endless.then(|| "no end".into()));
    table.pair("a 503", dialect.unavailable_may_be_processed.then(|| "may have been processed".into()));
    table
}

/// Said loudly: it is why somebody may find a credential in the log of a proxy.
fn query_of(method: TokenMethod) -> Option<String> {
    (method == TokenMethod::Get).then(|| "GET, with the credentials in the query".to_owned())
}

fn client_in(client: ClientInRefresh) -> Option<String> {
    match client {
        ClientInRefresh::Authenticated => None,
        ClientInRefresh::Named => Some("named, without its secret".to_owned()),
        ClientInRefresh::Secret => Some("not named, its secret alone".to_owned()),
        ClientInRefresh::Absent => Some("not named".to_owned()),
    }
}

fn answers(signatures: &[Signature]) -> String {
    if signatures.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["STATUS", "ERROR", "TEXT", "MEANS", "CAUSE", "CERTAINTY"]);
    for signature in signatures {
        let statuses: Vec<_> = signature.status.iter().map(ToString::to_string).collect();
        let codes = [signature.error.join(" | "), signature.subcode.join(" | ")];
        let codes: Vec<_> = codes.into_iter().filter(|codes| !codes.is_empty()).collect();
        let kind = signature.content_type.map(name_of).or(signature.silent.then(|| "(nothing)".to_owned()));
        table.row([
            (Tone::Plain, statuses.join(" ")),
            (Tone::Plain, codes.join(" + ")),
            (
                Tone::Plain,
                kind.into_iter().chain(signature.contains.iter().cloned()).collect::<Vec<_>>().join(" | "),
            ),
            meaning(signature.meaning),
            (
                Tone::Plain,
                signature.cause.map_or_else(|| UNKNOWN.to_owned(), |cause| cause.as_str().to_owned()),
            ),
            (Tone::Plain, certainty(signature.certainty).to_owned()),
        ]);
    }
    section("Answers, the first that fits counts", &table)
}

fn meaning(meaning: Meaning) -> (Tone, String) {
    let tone = match meaning {
        Meaning::Dead => Tone::Bad,
        Meaning::Client | Meaning::Request => Tone::Warning,
        Meaning::Transient => Tone::Good,
    };
    (tone, name_of(meaning))
}

fn certainty(certainty: Certainty) -> &'static str {
    output::diagnosis::certainty(certainty)
}

fn pages(provider: &Provider) -> Table {
    let pages = &provider.pages;
    let mut table = Table::of_one();
    for (name, page) in [
        ("status", Page::Status),
        ("secrets are at", Page::Console),
        ("users revoke at", Page::UserAccess),
        ("documentation", Page::Documentation),
    ] {
        let doubt =
            if pages.unchecked.contains(&page) { " (from general knowledge, not looked up)" } else { "" };
        table.pair(name, pages.address(page).map(|address| format!("{address}{doubt}")));
    }
    table
}

fn pairs(pairs: &BTreeMap<String, String>) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

fn or_unknown(text: String) -> String {
    if text.is_empty() { UNKNOWN.to_owned() } else { text }
}

/// The name that the catalogue gives a plain variant.
pub(super) fn name_of(variant: impl Serialize) -> String {
    let name = serde_json::to_value(variant).ok();
    name.as_ref().and_then(|name| name.as_str()).unwrap_or(UNKNOWN).to_owned()
}

/// A lifetime in the largest unit that tells it exactly; long and odd ones in days.
pub(in crate::commands) fn span(duration: Duration) -> String {
    const DAY: u64 = 86_400;
    let seconds = duration.as_secs();
    let unit = [(DAY, "d"), (3600, "h"), (60, "min")]
        .into_iter()
        .find(|(length, _)| seconds.is_multiple_of(*length));
    match unit {
        Some((DAY, _)) => format!("{} d", seconds / DAY),
        _ if seconds > 3 * DAY => format!("about {} d", (seconds + DAY / 2) / DAY),
        Some((length, name)) => format!("{} {name}", seconds / length),
        None => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_told_exactly() {
        let rows = [
            (86_400, "1 d"),
            (8_726_400, "101 d"),
            (5400, "90 min"),
            (3599, "3599 s"),
            (7200, "2 h"),
            (47_304_000, "about 548 d"),
        ];
        for (seconds, expected) in rows {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn every_entry_can_be_shown_and_what_is_unknown_is_said() {
        let catalogue = Catalogue::builtin();
        for provider in catalogue.iter() {
            let shown = describe(provider, false);
            assert!(shown.contains(&provider.name) && shown.contains("Refresh token"), "{shown}");
        }
        let shown = describe(catalogue.provider("adfs").unwrap(), false);
        assert!(shown.contains("unverified, confidence 0.30"), "{shown}");
        assert!(shown.contains("unused refresh token  unknown"), "{shown}");
        assert!(shown.contains("{host}"), "{shown}");
        let shown = describe(catalogue.provider("slack").unwrap(), false);
        assert!(
            shown.contains("https://slack-status.com (from general knowledge, not looked up)"),
            "{shown}"
        );
        let shown = describe(catalogue.provider("facebook").unwrap(), false);
        for part in ["the access token, renewed by itself", "GET, with the credentials in the query"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
