//! Tables as Markdown, for the documents, and as aligned text, for a terminal.
//!
//! Both are made from the same cells, so that they cannot differ in a figure.

use super::table::Table;

/// A table as Markdown, below a heading.
pub fn markdown(table: &Table) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = table.header.iter().map(|_| "---".to_owned()).collect::<Vec<_>>();
    let rows: String = table.rows.iter().map(|row| line(row)).collect();
    format!("### {}\n\n{}{}{rows}", table.title, line(&table.header), line(&rule))
}

/// A table as text: a line for each figure, a column for each row of the table, since a terminal is narrow.
pub fn text(table: &Table) -> Vec<String> {
    let columns: Vec<&Vec<String>> = std::iter::once(&table.header).chain(&table.rows).collect();
    let width = |column: &Vec<String>| {
        column.iter().take(column.len().saturating_sub(1)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = columns.iter().map(|column| width(column).unwrap_or(0)).collect();
    let cells = table.header.len().saturating_sub(1);
    let line = |at: usize| {
        let cells = columns.iter().zip(&widths).map(|(column, width)| padded(&column[at], *width));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let requests = table.rows.iter().filter_map(|row| Some((row.get(1)?, row.get(cells)?)));
    let requests = requests.filter(|(_, requests)| !requests.is_empty());
    (0..cells).map(line).chain(requests.map(|(who, requests)| format!("{who}: {requests}"))).collect()
}

fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let cells = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        Table {
            title: "Fresh start",
            header: cells(["identities", "who", "time, s", "requests"]),
            rows: vec![
                cells(["10", "bare writer", "1.0", "10 create secrets"]),
                cells(["10", "operator", "1.2", ""]),
            ],
        }
    }

    #[test]
    fn markdown_has_a_row_for_each_measurement() {
        let lines = markdown(&table());
        assert_eq!(lines.lines().nth(2), Some("| identities | who | time, s | requests |"));
        assert_eq!(lines.lines().nth(3), Some("| --- | --- | --- | --- |"));
        assert_eq!(lines.lines().last(), Some("| 10 | operator | 1.2 |  |"));
    }

    #[test]
    fn a_terminal_gets_a_line_for_each_figure_and_the_requests_below() {
        let lines = text(&table());
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["who", "bare", "writer", "operator"]);
        assert_eq!(lines[3..], ["bare writer: 10 create secrets".to_owned()]);
    }
}
