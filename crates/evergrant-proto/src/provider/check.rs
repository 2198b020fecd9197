//! What an entry must hold to beyond its types, so that a mistake is told before it costs a grant.

use std::{collections::BTreeMap, fmt};

use url::Url;

use crate::wire::metadata::is_secure;

use super::{
    ClientFacts, Confidence, Dialect, Lifetimes, OfflineAccess, PLACEHOLDERS, Provider, Recognition,
    RefreshFacts, RevocationFacts, RotationKind, RotationPolicy, Signature, Template, TokenMethod,
    Verification,
};

/// Longest name and identifier, in characters.
const MAX_NAME: usize = 100;

/// Headers that are not the catalogue's to say.
const OURS: [&str; 6] = ["accept", "authorization", "connection", "content-length", "content-type", "host"];

/// A mistake in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// The field, as its path in the file (`endpoints.token`, `dialect.signatures[2].status`).
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}; {}", self.field, self.problem, self.remedy)
    }
}

/// Every mistake, in the order of the file.
pub(super) fn defects(provider: &Provider) -> Vec<Defect> {
    let mut found = Vec::new();
    let mut defect = |field: &str, problem: &str, remedy: &str| {
        found.push(Defect { field: field.into(), problem: problem.into(), remedy: remedy.into() });
    };
    names(provider, &mut defect);
    addresses(provider, &mut defect);
    pages(provider, &mut defect);
    numbers(provider, &mut defect);
    rotation(&provider.rotation, &mut defect);
    signatures(&provider.dialect.signatures, &mut defect);
    headers(&provider.dialect.token_headers, &mut defect);
    token_requests(&provider.dialect, &mut defect);
    recognition(&provider.recognition, &mut defect);
    knowledge(provider, &mut defect);
    found
}

fn names(provider: &Provider, defect: &mut impl FnMut(&str, &str, &str)) {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if provider.id.is_empty() || provider.id.len() > MAX_NAME || !provider.id.bytes().all(plain) {
        defect(
            "id",
            "it is no short name",
            "use lower-case letters, digits and hyphens, as in the file's name",
        );
    }
    if provider.name.trim().is_empty() || provider.name.chars().count() > MAX_NAME {
        defect("name", "it is empty or too long", "write what people call the provider");
    }
}

fn addresses(provider: &Provider, defect: &mut impl FnMut(&str, &str, &str)) {
    if let Some(issuer) = &provider.issuer {
        address("issuer", issuer, defect);
    }
    for (name, template) in provider.endpoints.named() {
        if let Some(template) = template {
            address(&format!("endpoints.{name}"), template, defect);
        }
    }
}

fn address(field: &str, template: &Template, defect: &mut impl FnMut(&str, &str, &str)) {
    let known = |name: &str| PLACEHOLDERS.iter().any(|(placeholder, _)| *placeholder == name);
    let mut all_known = true;
    for name in template.placeholders().filter(|name| !known(name)) {
        all_known = false;
        let names: Vec<_> = PLACEHOLDERS.iter().map(|(name, _)| *name).collect();
        defect(
            field,
            &format!("the placeholder {{{name}}} is unknown"),
            &format!("use one of {}", names.join(", ")),
        );
    }
    let sample = template.placeholders().map(|name| (name.to_owned(), "x".to_owned())).collect();
    let closed = template.as_str().matches('{').count() == template.as_str().matches('}').count();
    if all_known && !(closed && template.url(&sample).is_ok_and(|url| is_secure(&url))) {
        defect(
            field,
            "it is no https address",
            "write https://, a host and a path; placeholders stand in braces",
        );
    }
}

fn pages(provider: &Provider, defect: &mut impl FnMut(&str, &str, &str)) {
    let pages = &provider.pages;
    let named = [
        ("pages.status", &pages.status),
        ("pages.console", &pages.console),
        ("pages.user_access", &pages.user_access),
        ("pages.documentation", &pages.documentation),
    ];
    for (field, page) in named {
        let secure = |page: &String| Url::parse(page).is_ok_and(|url| url.scheme() == "https");
        if page.as_ref().is_some_and(|page| !secure(page)) {
            defect(field, "it is no https address", "write the page's whole address");
        }
    }
    if pages.unchecked.iter().any(|page| pages.address(*page).is_none()) {
        defect("pages.unchecked", "it names a page that is not stated", "remove it, or state the page");
    }
}

fn numbers(provider: &Provider, defect: &mut impl FnMut(&str, &str, &str)) {
    let lifetimes = &provider.lifetimes;
    let durations = [
        ("lifetimes.access_token", lifetimes.access_token),
        ("lifetimes.idle", lifetimes.idle),
        ("lifetimes.absolute", lifetimes.absolute),
        ("lifetimes.testing", lifetimes.testing),
    ];
    for (field, duration) in durations {
        if duration.is_some_and(|duration| duration.is_zero()) {
            defect(field, "nothing lives zero seconds", "leave it out if it is unknown or endless");
        }
    }
    if lifetimes.live_tokens == Some(0) {
        defect("lifetimes.live_tokens", "a limit of zero lets nothing live", "leave it out if it is unknown");
    }
    if provider.refresh.not_before_percent.is_some_and(|percent| percent > 100) {
        defect("refresh.not_before_percent", "it is more than 100 percent", "100 means: only after the end");
    }
}

fn rotation(rotation: &RotationPolicy, defect: &mut impl FnMut(&str, &str, &str)) {
    use RotationKind as Kind;
    let windowed =
        matches!(rotation.kind, Kind::GraceSame | Kind::GraceNew | Kind::LatestWins | Kind::LongOverlap);
    // Some end the old token after a while although its successor is unused.
    let either = rotation.kind == Kind::UntilSuccessorUsed;
    match (windowed, rotation.window.is_some() || rotation.count.is_some()) {
        _ if either => {}
        (true, false) => {
            defect(
                "rotation.kind",
                "this policy has a bound, and none is stated",
                "add window (seconds) or count",
            );
        }
        (false, true) => {
            defect(
                "rotation.kind",
                "this policy has no window and no count",
                "remove them, or choose another kind",
            );
        }
        _ => {}
    }
}

fn signatures(signatures: &[Signature], defect: &mut impl FnMut(&str, &str, &str)) {
    for (index, signature) in signatures.iter().enumerate() {
        let field = format!("dialect.signatures[{index}]");
        if !signature.is_conditional() {
            defect(
                &field,
                "it would fit every answer",
                "state error, contains or content_type, or silent with a status",
            );
        }
        if signature.silent && signature.names_an_error() {
            defect(&format!("{field}.silent"), "what is silent names no error", "remove one of them");
        }
        if signature.status.iter().any(|status| !(100..600).contains(status)) {
            defect(&format!("{field}.status"), "it is no HTTP status", "write a number such as 400");
        }
        if signatures[..index].iter().any(|earlier| hides(earlier, signature)) {
            defect(
                &field,
                "an earlier one fits wherever this one does",
                "move this one before it, or remove it",
            );
        }
    }
}

/// Whether whatever fits the second fits the first, which comes before.
fn hides(earlier: &Signature, later: &Signature) -> bool {
    fn within<T: PartialEq>(earlier: &[T], later: &[T]) -> bool {
        earlier.is_empty() || (!later.is_empty() && later.iter().all(|value| earlier.contains(value)))
    }
    within(&earlier.status, &later.status)
        && (!earlier.silent || later.silent)
        && (earlier.content_type.is_none() || earlier.content_type == later.content_type)
        && within(&earlier.error, &later.error)
        && within(&earlier.subcode, &later.subcode)
        && (earlier.contains.is_empty()
            || (!later.contains.is_empty()
                && later
                    .contains
                    .iter()
                    .all(|part| earlier.contains.iter().any(|short| part.contains(short)))))
}

fn headers(headers: &BTreeMap<String, String>, defect: &mut impl FnMut(&str, &str, &str)) {
    for (name, value) in headers {
        let field = format!("dialect.token_headers.{name}");
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty()
            || !name.bytes().all(plain)
            || !value.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
        {
            defect(&field, "it is no header", "write the name in lower case, the value in printable ASCII");
        }
        if OURS.contains(&name.as_str()) {
            defect(&field, "every request has this header already", "remove it");
        }
    }
}

fn token_requests(dialect: &Dialect, defect: &mut impl FnMut(&str, &str, &str)) {
    if dialect.json_body && dialect.refresh_method() == TokenMethod::Get {
        defect("dialect.json_body", "a GET has no body", "remove it, or the method that is get");
    }
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if dialect.refresh.grant_type.as_deref().is_some_and(|name| !plain(name)) {
        defect(
            "dialect.refresh.grant_type",
            "it is no grant type",
            "write the value as the provider's document has it",
        );
    }
    let mut names = |place: &str, names: &BTreeMap<String, String>| {
        for (ours, _) in names.iter().filter(|(ours, theirs)| !plain(ours) || !plain(theirs)) {
            let field = format!("{place}.{ours}");
            defect(&field, "it is no name of a parameter", "write our_name = \"their_name\"");
        }
    };
    names("dialect.refresh.names", &dialect.refresh.names);
    let Some(short) = &dialect.refresh.short_lived else { return };
    names("dialect.refresh.short_lived.names", &short.names);
    if !is_secure(&short.url) {
        defect(
            "dialect.refresh.short_lived.url",
            "it is no https address",
            "write https://, a host and a path",
        );
    }
    if !plain(&short.grant_type) {
        let remedy = "write the value as the provider's document has it";
        defect("dialect.refresh.short_lived.grant_type", "it is no grant type", remedy);
    }
    if short.below.is_zero() || !dialect.access_token_renews_itself() {
        let remedy = "state below in seconds, and presents = \"access_token\" in dialect.refresh";
        defect("dialect.refresh.short_lived", "no token is ever exchanged by it", remedy);
    }
}

fn recognition(recognition: &Recognition, defect: &mut impl FnMut(&str, &str, &str)) {
    let lists = [
        ("recognition.aliases", &recognition.aliases),
        ("recognition.hosts", &recognition.hosts),
        ("recognition.headers", &recognition.headers),
        ("recognition.words", &recognition.words),
    ];
    for (field, values) in lists {
        // What it says can be a sentence; names, hosts and headers have no spaces.
        let spaced = |value: &str| field != "recognition.words" && value.contains(char::is_whitespace);
        let plain = |value: &String| {
            value.len() > 1 && value.trim() == value && !spaced(value) && *value == value.to_lowercase()
        };
        if !values.iter().all(plain) {
            defect(
                field,
                "it is compared in lower case, and no name has spaces",
                "write it in lower case, words of a name joined by hyphens",
            );
        }
    }
}

/// What is hardly known must not look as if it were: such an entry has addresses and nothing that decides.
fn knowledge(provider: &Provider, defect: &mut impl FnMut(&str, &str, &str)) {
    let knowledge = &provider.knowledge;
    if knowledge.confidence.is_none_or(|confidence| confidence >= Confidence::ENOUGH) {
        return;
    }
    if knowledge.verification != Verification::Unverified {
        defect("knowledge.verification", "a confidence below 0.5 is not verified", "write \"unverified\"");
    }
    let stated = [
        ("client", provider.client != ClientFacts::default()),
        ("offline", provider.offline != OfflineAccess::default()),
        ("lifetimes", provider.lifetimes != Lifetimes::default()),
        ("rotation", provider.rotation != RotationPolicy::default()),
        ("refresh", provider.refresh != RefreshFacts::default()),
        ("revocation", provider.revocation != RevocationFacts::default()),
        ("dialect", provider.dialect != Dialect::default()),
    ];
    for (field, _) in stated.into_iter().filter(|(_, is_stated)| *is_stated) {
        defect(field, "a confidence below 0.5 states addresses only", "remove it, or find sources for it");
    }
}
