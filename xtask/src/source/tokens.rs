//! A small lexer: enough of Rust to tell code from comments, literals and tests.

/// A word or a punctuation character of code; `::` is one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// Counted from one.
    pub(crate) line: usize,
}

/// The code of a file: comments, string and character literals and everything under `#[cfg(test)]` are left out.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source, line: 1, tokens: Vec::new() };
    while lexer.step() {}
    without_tests(&lexer.tokens)
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        let length = if self.rest.starts_with("//") {
            self.rest.find('\n').unwrap_or(self.rest.len())
        } else if self.rest.starts_with("/*") {
            block_comment(self.rest)
        } else if let Some(length) = string_literal(self.rest) {
            length
        } else if first == '\'' {
            quote(self.rest)
        } else if first.is_alphanumeric() || first == '_' {
            let end = self.rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
            self.push(end.unwrap_or(self.rest.len()))
        } else if self.rest.starts_with("::") {
            self.push(2)
        } else if first.is_whitespace() {
            first.len_utf8()
        } else {
            self.push(first.len_utf8())
        };
        self.line += self.rest[..length].matches('\n').count();
        self.rest = &self.rest[length..];
        true
    }

    fn push(&mut self, length: usize) -> usize {
        self.tokens.push(Token { text: self.rest[..length].to_owned(), line: self.line });
        length
    }
}

/// Length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut position) = (0_usize, 0);
    while position < text.len() {
        let rest = &text.as_bytes()[position..];
        if rest.starts_with(b"/*") {
            depth += 1;
            position += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                return position;
            }
        } else {
            position += 1;
        }
    }
    text.len()
}

/// Length of the string literal that starts here, raw and byte strings included.
fn string_literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            let quoted = if prefix.ends_with('r') { rest.trim_start_matches('#') } else { rest };
            quoted.starts_with('"')
        })
    })?;
    let rest = &text[prefix.len()..];
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let opening = prefix.len() + hashes + 1;
    let body = &text[opening..];
    let length = if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        body.find(&end).map(|position| position + end.len())
    } else {
        escaped_end(body, b'"')
    };
    Some(length.map_or(text.len(), |length| opening + length))
}

/// Length up to and with the closing quote; a backslash protects the next byte.
fn escaped_end(body: &str, quote: u8) -> Option<usize> {
    let mut bytes = body.bytes().enumerate();
    while let Some((position, byte)) = bytes.next() {
        if byte == b'\\' {
            bytes.next();
        } else if byte == quote {
            return Some(position + 1);
        }
    }
    None
}

/// Length of what starts with `'`: a whole character literal, or only the tick of a lifetime.
fn quote(text: &str) -> usize {
    let body = &text[1..];
    let mut letters = body.char_indices();
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), _) => escaped_end(body, b'\'').map_or(1, |length| 1 + length),
        (Some(_), Some((second, '\''))) => 1 + second + 1,
        _ => 1,
    }
}

/// Drops the item (or the block) that each `#[cfg(test)]` stands before.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut position = 0;
    while position < tokens.len() {
        let here = &tokens[position..];
        if here.len() >= MARK.len() && here.iter().zip(MARK).all(|(token, mark)| token.text == mark) {
            position += MARK.len() + item_length(&here[MARK.len()..]);
        } else {
            kept.push(here[0].clone());
            position += 1;
        }
    }
    kept
}

/// Tokens up to the end of the item that starts here: its semicolon, or its closing brace.
fn item_length(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => return index + 1,
            _ => continue,
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        assert_eq!(words("a // std::fs\nb /* x /* y */ z */ c"), ["a", "b", "c"]);
        assert_eq!(words(r##"a "std::fs \" q" r#"x " y"# b"z" 'c' '\'' 'n"##), ["a", "n"]);
    }

    #[test]
    fn a_lifetime_does_not_swallow_the_code_behind_it() {
        assert_eq!(words("f::<'a>(x, 'y')"), ["f", "::", "<", "a", ">", "(", "x", ",", ")"]);
    }

    #[test]
    fn tests_are_left_out_and_the_code_after_them_is_not() {
        assert_eq!(words("a #[cfg(test)] mod tests { fn b() { c } } d"), ["a", "d"]);
        assert_eq!(words("#[cfg(test)] mod tests; d"), ["d"]);
    }

    #[test]
    fn lines_are_counted_through_literals_and_comments() {
        let found = tokens("/*\n*/ \"\n\" a");
        assert_eq!((found[0].text.as_str(), found[0].line), ("a", 3));
    }
}
