//! The facts of every provider that ships, and an operator's own.

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use super::{
    Provider,
    place::{field_at, line_at, line_of},
};

/// The files of the folder `catalogue`, by id.
const BUILT_IN: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// Why a file of the catalogue cannot be used. Shown as a compiler would: `acme.toml:7: rotation.kind: ...`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidCatalogue {
    /// The file.
    pub file: String,
    /// All that is wrong, in the order of the file; at least one.
    pub mistakes: Vec<Mistake>,
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The field, as its path in the file; `None` if the file is not even TOML there.
    pub field: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for InvalidCatalogue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let Mistake { line, field, problem, remedy } = mistake;
            let separator = if index == 0 { "" } else { "\n" };
            let field = field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
            write!(formatter, "{separator}{}:{line}: {field}{problem}; {remedy}", self.file)?;
        }
        Ok(())
    }
}

/// Providers by id. Files that ship are read when they are first asked for: a process needs few of them.
#[derive(Debug, Clone)]
pub struct Catalogue(BTreeMap<String, Entry>);

#[derive(Debug, Clone)]
struct Entry {
    /// The file, if it ships; else empty.
    text: &'static str,
    provider: OnceLock<Provider>,
}

impl Catalogue {
    /// What ships with the program.
    pub fn builtin() -> Self {
        let entry = |text| Entry { text, provider: OnceLock::new() };
        Self(BUILT_IN.iter().map(|(id, text)| ((*id).to_owned(), entry(text))).collect())
    }

    /// Adds a provider or replaces one. `id` is the file's name without `.toml`.
    pub fn overlay(&mut self, id: &str, text: &str) -> Result<(), InvalidCatalogue> {
        let provider = Provider::from_toml(id, text)?;
        self.0.insert(provider.id.clone(), Entry { text: "", provider: OnceLock::from(provider) });
        Ok(())
    }

    /// The provider of an id.
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.0.get_key_value(id).map(|(id, entry)| entry.provider(id))
    }

    /// The provider that people mean by a name: its id, however it is spelt, or an alias.
    pub fn find(&self, name: &str) -> Option<&Provider> {
        let name = name.trim().to_lowercase().replace([' ', '_'], "-");
        let known_as = |provider: &&Provider| provider.recognition.aliases.contains(&name);
        self.provider(&name).or_else(|| self.iter().find(known_as))
    }

    /// Whether an entry is the operator's, and not one that ships.
    pub fn is_own(&self, id: &str) -> bool {
        self.0.get(id).is_some_and(|entry| entry.text.is_empty())
    }

    /// Every id, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Every provider, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter().map(|(id, entry)| entry.provider(id))
    }
}

impl Entry {
    fn provider(&self, id: &str) -> &Provider {
        self.provider
            .get_or_init(|| Provider::from_toml(id, self.text).expect("a test reads every file that ships"))
    }
}

impl Provider {
    /// Reads a file of the catalogue. `id` is its name without `.toml`.
    ///
    /// # Errors
    ///
    /// It is no TOML, has a field or value that nobody knows, is named otherwise, or contradicts itself: each with
    /// line, field and what to do.
    pub fn from_toml(id: &str, text: &str) -> Result<Self, InvalidCatalogue> {
        let invalid = |mistakes| InvalidCatalogue { file: format!("{id}.toml"), mistakes };
        let provider: Self = toml::from_str(text).map_err(|error| invalid(vec![unreadable(text, &error)]))?;
        let misnamed = (provider.id != id).then(|| misnamed(text, &provider.id));
        let defects = provider.defects().into_iter().map(|defect| Mistake {
            line: line_of(text, &defect.field),
            field: Some(defect.field),
            problem: defect.problem,
            remedy: defect.remedy,
        });
        let mistakes: Vec<_> = misnamed.into_iter().chain(defects).collect();
        if mistakes.is_empty() { Ok(provider) } else { Err(invalid(mistakes)) }
    }
}

/// A file is named after its provider, so that nobody edits the wrong one.
fn misnamed(text: &str, id: &str) -> Mistake {
    Mistake {
        line: line_of(text, "id"),
        field: Some("id".to_owned()),
        problem: format!("the id is {id:?}, but the file is named otherwise"),
        remedy: "rename one of them".to_owned(),
    }
}

fn unreadable(text: &str, error: &toml::de::Error) -> Mistake {
    let line = error.span().map_or(1, |span| line_at(text, span.start));
    let problem = error.message().trim().replace('\n', " ");
    let remedy = match nearest(&problem) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "see docs/catalogue.md".to_owned(),
    };
    Mistake { line, field: field_at(text, line), problem, remedy }
}

/// Of a message such as "unknown field `kindd`, expected one of `kind`, `window`": the expected name that is closest.
fn nearest(message: &str) -> Option<&str> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown").then(|| quoted.next())??;
    let closest = quoted.map(|name| (distance(unknown, name), name)).min()?;
    (closest.0 <= 1 + unknown.len() / 4).then_some(closest.1)
}

/// How many letters have to be changed, added or left out to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(*candidate != letter);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use proptest::prelude::*;

    use super::*;
    use crate::provider::{Recognition, Replacement, RotationKind, dialect::Dialect};

    fn mistakes(text: &str) -> Vec<String> {
        let error = Provider::from_toml("acme", text).unwrap_err();
        error.to_string().lines().map(str::to_owned).collect()
    }

    fn mistake(lines: &str) -> String {
        let found = mistakes(&format!("id = 'acme'\nname = 'Acme'\n{lines}"));
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    #[test]
    fn every_file_that_ships_is_a_provider() {
        for (id, text) in BUILT_IN.iter().copied() {
            Provider::from_toml(id, text).unwrap_or_else(|error| panic!("{error}"));
        }
        let catalogue = Catalogue::builtin();
        assert_eq!(catalogue.iter().count(), BUILT_IN.len());
        assert!(catalogue.ids().eq(catalogue.iter().map(|provider| provider.id.as_str())));
    }

    #[test]
    fn no_two_files_are_of_one_provider() {
        let mut names: Vec<_> = Catalogue::builtin().iter().map(|provider| provider.name.clone()).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_fact_of_the_world_has_a_source_and_a_confidence() {
        let ours = ["generic", "rehearse"];
        for provider in Catalogue::builtin().iter().filter(|provider| !ours.contains(&provider.id.as_str())) {
            assert!(provider.knowledge.confidence.is_some(), "{}", provider.id);
            assert!(!provider.knowledge.sources.is_empty(), "{}", provider.id);
        }
    }

    #[test]
    fn every_address_that_ships_is_https_once_its_placeholders_are_filled_in() {
        for provider in Catalogue::builtin().iter() {
            let names = provider.parameters().into_iter();
            let parameters = names.map(|name| (name.to_owned(), "x.example".to_owned())).collect();
            let endpoints =
                provider.resolve(&parameters).unwrap_or_else(|error| panic!("{}: {error}", provider.id));
            let json = serde_json::to_value(&endpoints).unwrap();
            for url in json.as_object().unwrap().values().filter_map(|url| url.as_str()) {
                assert!(url.starts_with("https://"), "{}: {url}", provider.id);
            }
        }
    }

    #[test]
    fn where_sources_disagree_the_tested_facts_win() {
        let catalogue = Catalogue::builtin();
        let (google, microsoft) =
            (catalogue.provider("google").unwrap(), catalogue.provider("microsoft").unwrap());
        let days = |count: u64| Some(Duration::from_secs(count * 86_400));
        assert_eq!(google.rotation.kind, RotationKind::Reusable, "Google does not rotate");
        assert_eq!(google.refresh.replaces, Replacement::Never);
        // "Until revoked" and "six months unused" are both true of it: no end but that of disuse.
        assert_eq!((google.lifetimes.idle, google.lifetimes.absolute), (days(180), None));
        assert_eq!(microsoft.lifetimes.idle, days(90), "90 days, not six months");
        // That a new token always comes says nothing of the old one: its policy stays unknown.
        let slack = catalogue.provider("slack").unwrap();
        assert_eq!(
            (slack.refresh.replaces, slack.rotation.kind),
            (Replacement::Always, RotationKind::Unknown)
        );
    }

    /// The schema is documented: whatever an entry that ships states is in the manual.
    #[test]
    fn every_field_in_use_is_documented() {
        let manual = include_str!("../../../../docs/catalogue.md");
        let mut undocumented = BTreeSet::new();
        for (id, text) in BUILT_IN {
            let entry: toml::Table = text.parse().unwrap_or_else(|error| panic!("{id}: {error}"));
            for (name, value) in &entry {
                let section = match value {
                    toml::Value::Table(_) => format!("`[{name}]`"),
                    _ => format!("`{name}`"),
                };
                let fields = value.as_table().into_iter().flat_map(toml::Table::keys);
                let documented = fields.map(|field| format!("`{field}`")).chain([section]);
                // `[dialect.refresh]` and `[[dialect.signatures]]` have sections of their own.
                let nested =
                    |field: &String| manual.contains(&format!("[dialect.{}]", field.trim_matches('`')));
                undocumented
                    .extend(documented.filter(|field| !manual.contains(field.as_str()) && !nested(field)));
            }
        }
        assert!(undocumented.is_empty(), "not in docs/catalogue.md: {undocumented:?}");
    }

    #[test]
    fn a_provider_names_what_the_operator_has_to_say() {
        let catalogue = Catalogue::builtin();
        let keycloak = catalogue.provider("keycloak").unwrap();
        assert_eq!(keycloak.parameters().into_iter().collect::<Vec<_>>(), ["host", "realm"]);
        let parameters = [("host".into(), "id.example".into()), ("realm".into(), "one".into())].into();
        assert_eq!(keycloak.issuer(&parameters).unwrap().unwrap(), "https://id.example/realms/one");
        assert!(!catalogue.provider("google").unwrap().is_many());
    }

    #[test]
    fn addresses_whose_placeholders_nobody_filled_in_are_left_to_the_metadata() {
        let catalogue = Catalogue::builtin();
        let keycloak = catalogue.provider("keycloak").unwrap();
        assert!(keycloak.resolve(&BTreeMap::new()).is_err());
        assert_eq!(keycloak.resolve_known(&BTreeMap::new()).unwrap().token, None);
        let google = catalogue.provider("google").unwrap();
        assert!(google.resolve_known(&BTreeMap::new()).unwrap().token.is_some());
    }

    #[test]
    fn a_provider_is_found_by_any_of_its_names() {
        let catalogue = Catalogue::builtin();
        let rows = [
            ("google", Some("google")),
            (" Azure AD ", Some("microsoft")),
            ("node_oidc_provider", Some("oidc-provider")),
            ("twitter", Some("x")),
            ("nobody", None),
        ];
        for (name, id) in rows {
            assert_eq!(catalogue.find(name).map(|provider| provider.id.as_str()), id, "{name}");
        }
    }

    #[test]
    fn nothing_by_which_a_provider_is_recognized_is_anothers() {
        let catalogue = Catalogue::builtin();
        let mut seen: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for provider in catalogue.iter() {
            let Recognition { aliases, hosts, headers, words } = &provider.recognition;
            let own = std::iter::once(("alias", &provider.id))
                .chain(aliases.iter().map(|alias| ("alias", alias)))
                .chain(hosts.iter().map(|host| ("host", host)))
                .chain(headers.iter().map(|header| ("header", header)))
                .chain(words.iter().map(|word| ("word", word)));
            for (kind, value) in own {
                let other = seen.insert((kind, value), &provider.id);
                assert_eq!(other, None, "{kind} {value} of {}", provider.id);
            }
        }
    }

    #[test]
    fn the_generic_provider_knows_nothing() {
        let generic = Provider::generic();
        assert_eq!(generic.rotation.kind, RotationKind::Unknown);
        assert_eq!(generic.dialect, Dialect::default());
    }

    #[test]
    fn a_mistyped_field_is_told_with_its_line_and_what_was_meant() {
        let told = mistake("\n[rotation]\nkindd = 'one_time'");
        assert!(told.starts_with("acme.toml:5: rotation.kindd: unknown field `kindd`"), "{told}");
        assert!(told.ends_with("did you mean `kind`?"), "{told}");
        let told = mistake("[[dialect.signatures]]\nerror = ['a']\nmeaning = 'dead'\ncause = 'user_revokd'");
        assert!(told.starts_with("acme.toml:6: dialect.signatures[0].cause: unknown variant"), "{told}");
        assert!(told.ends_with("did you mean `user_revoked`?"), "{told}");
        let told = mistake("[lifetimes]\nidle = 'a week'");
        assert!(told.starts_with("acme.toml:4: lifetimes.idle: invalid type: string"), "{told}");
        let told = mistakes("id = 'acme'\nname = ").concat();
        assert!(told.starts_with("acme.toml:2: "), "{told}");
    }

    #[test]
    fn a_file_is_named_after_its_provider() {
        let told = mistakes("# ours\nid = 'other'\nname = 'Acme'").concat();
        assert!(told.starts_with("acme.toml:2: id: the id is \"other\""), "{told}");
    }

    #[test]
    fn every_contradiction_is_told_with_line_and_field() {
        let rows = [
            ("issuer = 'http://acme.example'", "3: issuer: it is no https address"),
            ("[endpoints]\ntoken = 'acme.example/token'", "4: endpoints.token: it is no https address"),
            (
                "[endpoints]\ntoken = 'https://{hots}/token'",
                "4: endpoints.token: the placeholder {hots} is unknown",
            ),
            ("[endpoints]\ntoken = 'https://{host/token'", "4: endpoints.token: it is no https address"),
            ("[pages]\nstatus = 'status.acme.example'", "4: pages.status: it is no https address"),
            ("[pages]\nunchecked = ['status']", "4: pages.unchecked: it names a page that is not stated"),
            ("[lifetimes]\nidle = 0", "4: lifetimes.idle: nothing lives zero seconds"),
            ("[rotation]\nkind = 'grace_new'", "4: rotation.kind: this policy has a bound"),
            ("[rotation]\nkind = 'one_time'\nwindow = 3", "4: rotation.kind: this policy has no window"),
            (
                "[[dialect.signatures]]\nstatus = 400\nmeaning = 'dead'",
                "3: dialect.signatures[0]: it would fit every",
            ),
            (
                "[[dialect.signatures]]\nstatus = 4000\nerror = ['a']\nmeaning = 'dead'",
                "4: dialect.signatures[0].status: it is no HTTP status",
            ),
            (
                "[[dialect.signatures]]\nerror = ['a']\nmeaning = 'dead'\n\
                 [[dialect.signatures]]\nerror = ['a']\ncontains = ['b']\nmeaning = 'dead'",
                "6: dialect.signatures[1]: an earlier one fits",
            ),
            (
                "[dialect]\njson_body = true\n[dialect.refresh]\nmethod = 'get'",
                "4: dialect.json_body: a GET has no body",
            ),
            (
                "[dialect.refresh]\ngrant_type = 'refresh token'",
                "4: dialect.refresh.grant_type: it is no grant type",
            ),
            (
                "[dialect.refresh.names]\nrefresh_token = ''",
                "4: dialect.refresh.names.refresh_token: it is no name",
            ),
            ("[recognition]\naliases = ['Acme Inc']", "4: recognition.aliases: it is compared in lower case"),
            (
                "[lifetimes]\nidle = 3\n[knowledge]\nconfidence = 0.49",
                "3: lifetimes: a confidence below 0.5 states addresses only",
            ),
            (
                "[knowledge]\nverification = 'documented'\nconfidence = 0.1",
                "4: knowledge.verification: a confidence below 0.5 is not verified",
            ),
        ];
        for (lines, expected) in rows {
            let told = mistake(lines);
            assert!(told.starts_with(&format!("acme.toml:{expected}")), "{told}");
        }
    }

    #[test]
    fn an_operator_replaces_and_adds() {
        let mut catalogue = Catalogue::builtin();
        catalogue.overlay("slack", "id = 'slack'\nname = 'Ours'").unwrap();
        catalogue.overlay("acme", "id = 'acme'\nname = 'Acme'").unwrap();
        assert_eq!(catalogue.provider("slack").unwrap().name, "Ours");
        assert!(catalogue.provider("acme").is_some() && catalogue.provider("nobody").is_none());
    }

    #[test]
    fn a_provider_survives_being_stored() {
        for provider in Catalogue::builtin().iter() {
            let json = serde_json::to_string(provider).unwrap();
            assert_eq!(&serde_json::from_str::<Provider>(&json).unwrap(), provider);
        }
    }

    proptest! {
        #[test]
        fn a_file_of_any_text_is_read_or_told_about(text in "(\\PC|\n|\\[|\\]|=|\"){0,200}") {
            if let Err(error) = Provider::from_toml("acme", &text) {
                let lines = text.lines().count() + 1;
                prop_assert!(error.mistakes.iter().all(|mistake| (1..=lines).contains(&mistake.line)), "{error}");
            }
        }

        #[test]
        fn a_broken_entry_is_told_about(cut in 0usize..4000, insert in "\\PC{0,3}") {
            let (_, google) = BUILT_IN.iter().find(|(id, _)| *id == "google").unwrap();
            let mut text = (*google).to_owned();
            let at = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.insert_str(at, &insert);
            if let Err(error) = Provider::from_toml("google", &text) {
                prop_assert!(!error.mistakes.is_empty());
            }
        }
    }
}
