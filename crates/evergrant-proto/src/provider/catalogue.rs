//! The facts of every provider that ships, and an operator's own.

use std::collections::BTreeMap;

use super::Provider;

/// The files of the folder `catalogue`, by id.
const BUILT_IN: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// Why a file of the catalogue cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCatalogue {
    /// The text is no provider; `reason` names line and field.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What is wrong, with line and field.
        reason: String,
    },
    /// A file is named after its provider, so that nobody edits the wrong one.
    #[error("{file}: the id is {id:?}, but the file is named otherwise")]
    Misnamed {
        /// The file.
        file: String,
        /// The `id` in it.
        id: String,
    },
}

/// Providers by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue(BTreeMap<String, Provider>);

impl Catalogue {
    /// What ships with the program.
    #[expect(clippy::missing_panics_doc, reason = "a test parses every file that ships")]
    pub fn builtin() -> Self {
        let parse = |(id, text): &(&str, &str)| parse(id, text).expect("a test parses every file");
        Self(BUILT_IN.iter().map(parse).map(|provider| (provider.id.clone(), provider)).collect())
    }

    /// Adds a provider or replaces one. `id` is the file's name without `.toml`.
    pub fn overlay(&mut self, id: &str, text: &str) -> Result<(), InvalidCatalogue> {
        let provider = parse(id, text)?;
        self.0.insert(provider.id.clone(), provider);
        Ok(())
    }

    /// The provider of an id.
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.0.get(id)
    }

    /// Every provider, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.values()
    }
}

fn parse(id: &str, text: &str) -> Result<Provider, InvalidCatalogue> {
    let file = format!("{id}.toml");
    let provider: Provider = toml::from_str(text)
        .map_err(|error| InvalidCatalogue::Unreadable { file: file.clone(), reason: error.to_string() })?;
    if provider.id != id {
        return Err(InvalidCatalogue::Misnamed { file, id: provider.id });
    }
    Ok(provider)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{RotationKind, dialect::Dialect};

    #[test]
    fn every_file_that_ships_is_a_provider() {
        for (id, text) in BUILT_IN.iter().copied() {
            let provider = parse(id, text).unwrap_or_else(|error| panic!("{error}"));
            assert!(!provider.name.is_empty());
        }
        assert_eq!(Catalogue::builtin().iter().count(), BUILT_IN.len());
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
    fn a_provider_names_what_the_operator_has_to_say() {
        let catalogue = Catalogue::builtin();
        let keycloak = catalogue.provider("keycloak").unwrap();
        assert_eq!(keycloak.parameters().into_iter().collect::<Vec<_>>(), ["host", "realm"]);
        let parameters = [("host".into(), "id.example".into()), ("realm".into(), "one".into())].into();
        assert_eq!(keycloak.issuer(&parameters).unwrap().unwrap(), "https://id.example/realms/one");
        assert!(catalogue.provider("google").unwrap().parameters().is_empty());
    }

    #[test]
    fn every_window_belongs_to_a_policy_that_has_one() {
        for provider in Catalogue::builtin().iter() {
            let rotation = &provider.rotation;
            let windowed = matches!(
                rotation.kind,
                RotationKind::GraceSame
                    | RotationKind::GraceNew
                    | RotationKind::LatestWins
                    | RotationKind::LongOverlap
            );
            let bounded = rotation.window.is_some() || rotation.count.is_some();
            assert_eq!(bounded, windowed, "{}", provider.id);
        }
    }

    #[test]
    fn the_generic_provider_knows_nothing() {
        let generic = Provider::generic();
        assert_eq!(generic.rotation.kind, RotationKind::Unknown);
        assert_eq!(generic.dialect, Dialect::default());
    }

    #[test]
    fn an_error_names_file_and_field() {
        let mut catalogue = Catalogue::builtin();
        let error = catalogue
            .overlay("acme", "id = 'acme'\nname = 'Acme'\n[rotation]\nkindd = 'one_time'")
            .unwrap_err();
        assert!(error.to_string().contains("acme.toml") && error.to_string().contains("kindd"), "{error}");
        let error = catalogue.overlay("acme", "id = 'other'\nname = 'Acme'").unwrap_err();
        assert_eq!(error, InvalidCatalogue::Misnamed { file: "acme.toml".into(), id: "other".into() });
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
}
