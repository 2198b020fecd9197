//! Text as words that can be compared.

/// Longest word that is kept, in characters; the rest of a longer one is no word of any page.
const LONGEST: usize = 40;

/// The words of a text: in small letters, without endings. A name like `invalid_grant` is a word, and its parts are.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for name in text.split(|character: char| !character.is_alphanumeric() && !"_'’".contains(character)) {
        let name: String = name
            .chars()
            .filter(|character| !"'’".contains(*character))
            .take(LONGEST)
            .flat_map(char::to_lowercase)
            .collect();
        let parts: Vec<&str> = name.split('_').filter(|part| !part.is_empty()).collect();
        words.extend(parts.iter().map(|part| stem(part)));
        if parts.len() > 1 {
            words.push(name);
        }
    }
    words
}

/// A word without the ending that tells its number or tense. Crude, and the same for what is sought and what is found.
fn stem(word: &str) -> String {
    if word.bytes().any(|byte| byte.is_ascii_digit()) {
        return word.to_owned();
    }
    let ending = ["ations", "ation", "ings", "ing", "ed", "es", "s", "e"]
        .into_iter()
        .find(|ending| word.len() >= ending.len() + 4 && word.ends_with(ending));
    word[..word.len() - ending.map_or(0, str::len)].to_owned()
}

/// How many letters are missing, too many, wrong or swapped, up to `most`.
pub(super) fn distance(left: &str, right: &str, most: usize) -> Option<usize> {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.len().abs_diff(right.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(letter != other);
            let mut least = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *letter == right[column - 1] && left[row - 1] == *other {
                least = least.min(before[column - 1] + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_and_so_are_its_parts() {
        assert_eq!(
            words("Error: invalid_grant (isn't)"),
            ["error", "invalid", "grant", "invalid_grant", "isnt"]
        );
        assert_eq!(words("AADSTS700082:"), ["aadsts700082"]);
        assert!(words(" ...\u{1f600} ").is_empty());
    }

    #[test]
    fn number_and_tense_do_not_matter() {
        assert_eq!(words("tokens expired"), words("token expires"));
        assert_eq!(words("revoked"), words("revoking"));
    }

    #[test]
    fn letters_that_are_wrong_missing_or_swapped_are_counted() {
        assert_eq!(distance("token", "token", 1), Some(0));
        assert_eq!(distance("tokne", "token", 1), Some(1));
        assert_eq!(distance("tken", "token", 1), Some(1));
        assert_eq!(distance("expired", "revoked", 2), None);
        assert_eq!(distance("a", "abcdef", 2), None);
    }
}
