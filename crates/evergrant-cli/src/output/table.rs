//! Aligned tables for people.

use super::{
    style::{Style, Tone},
    text::clean_line,
};

/// Rows of cells under a heading.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<(Tone, String)>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(columns: &[&str]) -> Self {
        Self { rows: vec![columns.iter().map(|name| (Tone::Heading, (*name).to_owned())).collect()] }
    }

    /// Two columns without heading: names and values of one thing.
    pub(crate) fn of_one() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a row. The text may be anybody's.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = (Tone, String)>) {
        self.rows.push(cells.into_iter().map(|(tone, text)| (tone, clean_line(&text))).collect());
    }

    /// Adds a name and its value, unless there is none.
    pub(crate) fn pair(&mut self, name: &str, value: impl Into<Option<String>>) {
        self.toned(name, Tone::Plain, value);
    }

    /// Adds a name and its value in a tone.
    pub(crate) fn toned(&mut self, name: &str, tone: Tone, value: impl Into<Option<String>>) {
        if let Some(value) = value.into().filter(|value| !value.is_empty()) {
            self.row([(Tone::Heading, name.to_owned()), (tone, value)]);
        }
    }

    /// The table, without a line end behind the last row.
    pub(crate) fn render(&self, style: Style) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|(_, text)| text.chars().count()).max()
        };
        let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let lines = self.rows.iter().map(|row| {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, ((tone, text), width))| {
                let last = column + 1 == row.len();
                let gap = if last { 0 } else { width - text.chars().count() + 2 };
                format!("{}{:gap$}", style.paint(*tone, text), "")
            });
            cells.collect::<String>()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_trails() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row([(Tone::Plain, "crm-europe".to_owned()), (Tone::Good, "ok\x1b[0m".to_owned())]);
        let shown = table.render(Style::plain());
        assert_eq!(shown, "NAME        STATE\ncrm-europe  ok\\u{1b}[0m");
    }
}
