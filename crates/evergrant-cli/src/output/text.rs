//! Text of others, made safe for a terminal.

use std::fmt::Write as _;

/// The text with everything escaped that a terminal would obey or that changes the direction of writing. Line ends
/// stay.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '\n' && is_unsafe(character) {
            // Writing into a String cannot fail.
            write!(cleaned, "{}", character.escape_unicode()).unwrap_or_default();
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}

/// The same, on one line.
pub(crate) fn clean_line(text: &str) -> String {
    clean(text).replace('\n', "\\n")
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_passes() {
        assert_eq!(clean("a\x1b[2Jb\u{202e}c\u{9b}d"), "a\\u{1b}[2Jb\\u{202e}c\\u{9b}d");
        assert_eq!(clean("ü\nx"), "ü\nx");
        assert_eq!(clean_line("a\nb"), "a\\nb");
    }
}
