//! Where in a file of the catalogue a field stands, so that a mistake can be told with its line.
//!
//! The parser forgets lines once it has succeeded. The files are plain: one key a line, tables under headers.

/// The line of an offset, from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let mut starts = text.match_indices('\n');
    starts.by_ref().take_while(|(end, _)| *end < offset).count() + 1
}

/// The field that a line states, as its path; the table's if it is a header.
pub(super) fn field_at(text: &str, line: usize) -> Option<String> {
    fields(text).into_iter().find(|(at, _)| *at == line).map(|(_, field)| field)
}

/// The line of a field, or of the closest thing around it that stands in the file; 1 if there is none.
pub(super) fn line_of(text: &str, field: &str) -> usize {
    let fields = fields(text);
    let mut wanted = field;
    loop {
        if let Some((line, _)) = fields.iter().find(|(_, found)| found == wanted) {
            return *line;
        }
        match wanted.rsplit_once('.') {
            Some((parent, _)) => wanted = parent,
            None => return 1,
        }
    }
}

/// Every header and key with its line. Tables of an array are numbered from 0.
fn fields(text: &str) -> Vec<(usize, String)> {
    let mut table = String::new();
    let mut arrays: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) =
            line.strip_prefix("[[").and_then(|rest| rest.split_once("]]")).map(|(name, _)| name)
        {
            let number = arrays.iter().filter(|array| *array == name.trim()).count();
            arrays.push(name.trim().to_owned());
            table = format!("{}[{number}]", name.trim());
        } else if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            name.trim().clone_into(&mut table);
        } else if let Some(key) = key_of(line) {
            let field = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
            found.push((index + 1, field));
            continue;
        } else {
            continue;
        }
        found.push((index + 1, table.clone()));
    }
    found
}

fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim().trim_matches(['"', '\'']);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (!key.is_empty() && key.bytes().all(plain)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment = none\nid = 'a'\n\n[endpoints]\ntoken = 'x'\n\n[[dialect.signatures]]\n\
                        error = ['a']\n\n[[dialect.signatures]]\nstatus = 1\n";

    #[test]
    fn a_field_is_found_where_it_stands() {
        let rows = [
            ("id", 2),
            ("endpoints", 4),
            ("endpoints.token", 5),
            ("dialect.signatures[0].error", 8),
            ("dialect.signatures[1].status", 11),
            ("dialect.signatures[1]", 10),
        ];
        for (field, line) in rows {
            assert_eq!(line_of(TEXT, field), line, "{field}");
            assert_eq!(field_at(TEXT, line).as_deref(), Some(field), "{line}");
        }
    }

    #[test]
    fn what_is_missing_is_told_at_the_place_around_it() {
        assert_eq!(line_of(TEXT, "endpoints.refresh"), 4);
        assert_eq!(line_of(TEXT, "name"), 1);
        assert_eq!((line_at(TEXT, 0), line_at(TEXT, 21), line_at(TEXT, usize::MAX)), (1, 2, 12));
    }
}
