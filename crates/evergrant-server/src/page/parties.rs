//! Whose page it is: the app that asks, and the provider that it asks.

use evergrant::proto::{client::ClientRecord, diagnosis::Diagnosis};

use super::{provider_name, theme, why::why};

/// An app as its users know it.
#[derive(Debug, Clone)]
pub(crate) struct Brand {
    name: String,
    initial: String,
    /// Its colour, for this page.
    style: Option<String>,
}

/// Who meets on a page.
#[derive(Debug, Clone)]
pub(crate) struct Parties {
    /// None if a page cannot know.
    pub(super) app: Option<Brand>,
    pub(super) provider: String,
}

impl Brand {
    fn of(client: &ClientRecord) -> Self {
        let name = client.branding.name.as_ref().map_or(client.name.as_str(), |name| name.as_str());
        Self { name: isolated(name), initial: initial(name), style: client.branding.color.map(theme::style) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn initial(&self) -> &str {
        &self.initial
    }

    pub(crate) fn style(&self) -> Option<&str> {
        self.style.as_deref()
    }
}

impl Parties {
    pub(crate) fn of(client: &ClientRecord) -> Self {
        Self { app: Some(Brand::of(client)), provider: isolated(&provider_name(client)) }
    }

    /// Of a link that tells nothing, or whose client cannot be read.
    pub(crate) fn unknown() -> Self {
        Self { app: None, provider: "the provider".to_owned() }
    }

    /// Why a connection ended, for the person whose account it is.
    pub(crate) fn why(&self, diagnosis: &Diagnosis) -> String {
        why(diagnosis, &self.provider)
    }

    /// The app in the middle of a sentence.
    pub(super) fn app_name(&self) -> &str {
        self.app.as_ref().map_or("the app", Brand::name)
    }
}

/// The first letter or digit, large; the first character if there is neither.
fn initial(name: &str) -> String {
    let first = name.chars().find(|letter| letter.is_alphanumeric()).or_else(|| name.chars().next());
    first.into_iter().flat_map(char::to_uppercase).collect()
}

/// A name that may be written from right to left keeps its direction to itself (UAX 9, isolates).
fn isolated(name: &str) -> String {
    if name.is_ascii() { name.to_owned() } else { format!("\u{2068}{name}\u{2069}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_shows_what_the_name_begins_with() {
        for (name, shown) in
            [("acme", "A"), ("1&1", "1"), ("«Österreich»", "Ö"), ("日本", "日"), ("🎈", "🎈"), ("שלום", "ש")]
        {
            assert_eq!(initial(name), shown);
        }
    }

    #[test]
    fn a_name_of_another_direction_reorders_nothing_around_it() {
        assert_eq!(isolated("Acme"), "Acme");
        assert_eq!(isolated("שלום"), "\u{2068}שלום\u{2069}");
    }
}
