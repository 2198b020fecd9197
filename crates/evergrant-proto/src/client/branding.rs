//! What people are shown of a client: the name and the colour of the app that asks.
//!
//! Both come from whoever manages clients and end up on pages that people trust, so a name cannot hide, reorder or pile
//! up letters, and a colour is nothing but a colour.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest display name, in characters: more would not be a name, and no heading of a page bears it.
pub const MAX_DISPLAY_NAME_CHARACTERS: usize = 60;

/// Most marks above or below one letter, as Vietnamese or Hebrew need them and then some.
const MOST_MARKS: usize = 4;

/// What pages show instead of our own name of a client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Branding {
    /// What users call the app; `None`: our name of the client.
    pub name: Option<DisplayName>,
    /// The colour of what is clicked; `None`: ours.
    pub color: Option<Color>,
}

impl Branding {
    /// Whether nothing is chosen.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// A name for people: 1 to [`MAX_DISPLAY_NAME_CHARACTERS`] characters of any script, on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DisplayName(String);

/// Why a text is not a display name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDisplayName {
    /// Nothing is left to be seen.
    #[error("a display name cannot be empty")]
    Empty,
    /// More than [`MAX_DISPLAY_NAME_CHARACTERS`].
    #[error("a display name has at most {MAX_DISPLAY_NAME_CHARACTERS} characters")]
    TooLong,
    /// It begins or ends with a space.
    #[error("a display name neither begins nor ends with a space")]
    Untrimmed,
    /// A control, a line break, a character without a shape, or one that reorders others.
    #[error("a display name cannot hold U+{0:04X}, which is invisible or changes how others are shown")]
    Forbidden(u32),
    /// Marks are piled up.
    #[error("a display name has at most {MOST_MARKS} marks on one letter")]
    PiledMarks,
}

impl DisplayName {
    /// Parses a name.
    ///
    /// # Errors
    ///
    /// See [`InvalidDisplayName`]. No error repeats the text.
    pub fn new(text: &str) -> Result<Self, InvalidDisplayName> {
        if text.chars().nth(MAX_DISPLAY_NAME_CHARACTERS).is_some() {
            return Err(InvalidDisplayName::TooLong);
        }
        if let Some(forbidden) = text.chars().find(|letter| !is_shown(*letter)) {
            return Err(InvalidDisplayName::Forbidden(forbidden.into()));
        }
        if text.chars().all(|letter| letter == ' ' || is_joiner(letter)) {
            return Err(InvalidDisplayName::Empty);
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(InvalidDisplayName::Untrimmed);
        }
        if has_piled_marks(text) {
            return Err(InvalidDisplayName::PiledMarks);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character has a shape and leaves the others as they are. The lists are those of Unicode's `Bidi_Control`
/// and of `Default_Ignorable_Code_Point` without joiners and variation selectors, which scripts and emoji need.
fn is_shown(letter: char) -> bool {
    let reorders = matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_shapeless = matches!(
        letter,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}'
    );
    let is_other_space = letter.is_whitespace() && letter != ' ';
    !(letter.is_control() || reorders || is_shapeless || is_other_space)
}

/// Invisible, and needed within words of some scripts and between emoji.
fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

fn has_piled_marks(text: &str) -> bool {
    let is_mark = |letter: char| {
        is_joiner(letter)
            || matches!(
                letter,
                '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{64b}'..='\u{65f}'
                    | '\u{e47}'..='\u{e4e}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
                    | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
            )
    };
    let mut run = 0;
    text.chars().any(|letter| {
        run = if is_mark(letter) { run + 1 } else { 0 };
        run > MOST_MARKS
    })
}

impl FromStr for DisplayName {
    type Err = InvalidDisplayName;

    fn from_str(text: &str) -> Result<Self, InvalidDisplayName> {
        Self::new(text)
    }
}

impl TryFrom<String> for DisplayName {
    type Error = InvalidDisplayName;

    fn try_from(text: String) -> Result<Self, InvalidDisplayName> {
        Self::new(&text)
    }
}

impl From<DisplayName> for String {
    fn from(name: DisplayName) -> Self {
        name.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A colour of sRGB, written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color {
    /// Red, green and blue.
    pub channels: [u8; 3],
}

/// A text is not a colour. Names, shorter forms and transparency are none, so that nothing else can come in this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written #rrggbb, such as #0a5fd0")]
pub struct InvalidColor;

impl FromStr for Color {
    type Err = InvalidColor;

    fn from_str(text: &str) -> Result<Self, InvalidColor> {
        let digits = text.strip_prefix('#').ok_or(InvalidColor)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(InvalidColor);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| InvalidColor)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self { channels: [red, green, blue] })
    }
}

impl TryFrom<String> for Color {
    type Error = InvalidColor;

    fn try_from(text: String) -> Result<Self, InvalidColor> {
        text.parse()
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.to_string()
    }
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.channels;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_of_any_script() {
        for name in [
            "Acme Billing",
            "O'Neil & Söhne <GmbH>",
            "日本語アプリ",
            "חשבוניות",
            "می\u{200c}خواهم",
            "Tiệm phở",
            "👩\u{200d}🔧 Fix",
            "A",
        ] {
            assert_eq!(DisplayName::new(name).unwrap().as_str(), name);
        }
        assert!(DisplayName::new(&"ü".repeat(MAX_DISPLAY_NAME_CHARACTERS)).is_ok());
    }

    #[test]
    fn a_name_that_would_hide_or_reorder_or_pile_up_is_refused_without_being_repeated() {
        use InvalidDisplayName as Why;
        let rows = [
            ("", Why::Empty),
            ("   ", Why::Empty),
            ("\u{200d}", Why::Empty),
            (" Acme", Why::Untrimmed),
            ("Acme ", Why::Untrimmed),
            ("Ac\nme", Why::Forbidden(0x0a)),
            ("Ac\u{0}me", Why::Forbidden(0)),
            ("Ac\u{9b}me", Why::Forbidden(0x9b)),
            ("Ac\u{202e}me", Why::Forbidden(0x202e)),
            ("Ac\u{2067}me", Why::Forbidden(0x2067)),
            ("Ac\u{200b}me", Why::Forbidden(0x200b)),
            ("Ac\u{2028}me", Why::Forbidden(0x2028)),
            ("Ac\u{a0}me", Why::Forbidden(0xa0)),
            ("\u{3164}", Why::Forbidden(0x3164)),
            ("\u{feff}Acme", Why::Forbidden(0xfeff)),
            ("Acme\u{e0041}", Why::Forbidden(0xe0041)),
            ("A\u{300}\u{301}\u{302}\u{303}\u{304}", Why::PiledMarks),
        ];
        for (text, why) in rows {
            assert_eq!(DisplayName::new(text), Err(why), "{text:?}");
            assert!(why.to_string().is_ascii());
        }
        assert_eq!(DisplayName::new(&"a".repeat(MAX_DISPLAY_NAME_CHARACTERS + 1)), Err(Why::TooLong));
    }

    #[test]
    fn a_colour_is_six_digits_and_nothing_else() {
        let color: Color = "#0A5fd0".parse().unwrap();
        assert_eq!((color.channels, color.to_string().as_str()), ([10, 95, 208], "#0a5fd0"));
        for text in [
            "",
            "#",
            "0a5fd0",
            "#0a5fd",
            "#0a5fd00",
            "#fff",
            "red",
            "#0a5fg0",
            "#+a5fd0",
            " #0a5fd0",
            "#0a5fd0;}",
            "rgb(1,2,3)",
            "#äöü",
        ] {
            assert_eq!(text.parse::<Color>(), Err(InvalidColor), "{text}");
        }
    }

    #[test]
    fn what_is_stored_is_read_back() {
        let branding = Branding { name: DisplayName::new("Acme").ok(), color: "#ffd400".parse().ok() };
        let text = serde_json::to_string(&branding).unwrap();
        assert_eq!(text, r##"{"name":"Acme","color":"#ffd400"}"##);
        assert_eq!(serde_json::from_str::<Branding>(&text).unwrap(), branding);
        assert!(serde_json::from_str::<Branding>("{}").unwrap().is_plain());
    }
}
