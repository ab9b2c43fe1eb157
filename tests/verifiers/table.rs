//! The table in `docs/verifiers.md`. A run in which not all verifiers are installed compares the columns of the others
//! only.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// With this set to 1 the table is written instead of compared.
const UPDATE: &str = "UPDATE";
const FILE: &str = "docs/verifiers.md";
const HEAD: [&str; 4] = ["intermediates", "cross-certificate", "trusted", "right"];
const BEGIN: &str = "<!-- verdicts: written by tests/verifiers -->\n";
const END: &str = "<!-- end of verdicts -->\n";

/// The verdicts of one verifier, row by row.
pub struct Column {
    pub name: String,
    pub version: String,
    pub cells: Vec<String>,
}

pub struct Table {
    pub labels: Vec<[String; 4]>,
    pub columns: Vec<Column>,
}

impl Table {
    /// One line for each verifier.
    pub fn versions(&self) -> String {
        let mut text = String::new();
        for column in &self.columns {
            writeln!(text, "{}: {}", column.name, column.version).unwrap();
        }
        text
    }

    /// Compares the committed table with this one, in the columns that this one has. Returns the table as it is now.
    pub fn agrees(&self) -> String {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
        let text = fs::read_to_string(&file).unwrap();
        let (before, rest) = text.split_once(BEGIN).expect("the table has a beginning");
        let (held, after) = rest.split_once(END).expect("the table has an end");
        let now = self.joined(&read(held));
        if std::env::var_os(UPDATE).as_deref() == Some(OsStr::new("1")) {
            fs::write(&file, format!("{before}{BEGIN}\n{now}\n{END}{after}")).unwrap();
        } else {
            assert_eq!(held.trim(), now.trim(), "{FILE} differs: {UPDATE}=1 make verifiers writes it again");
        }
        now
    }

    /// With the columns that the committed table has and this one has not, in their order.
    fn joined(&self, held: &[Vec<String>]) -> String {
        let mut rows: Vec<Vec<String>> = vec![HEAD.map(str::to_owned).to_vec()];
        rows.extend(self.labels.iter().map(|labels| labels.to_vec()));
        let mut names: Vec<&str> =
            held.first().into_iter().flatten().skip(HEAD.len()).map(|x| &**x).collect();
        let news = self.columns.iter().map(|column| &*column.name).filter(|name| !names.contains(name));
        names.extend(news.collect::<Vec<_>>());
        for (number, name) in names.into_iter().enumerate() {
            for (row, cell) in rows.iter_mut().zip(self.cells(name, number, held)) {
                row.push(cell);
            }
        }
        written(&rows)
    }

    /// The cells of a column, with its name: as found, else as committed.
    fn cells(&self, name: &str, number: usize, held: &[Vec<String>]) -> Vec<String> {
        let found = self.columns.iter().find(|column| column.name == name);
        let cells: Vec<String> = match found {
            Some(column) => std::iter::once(name.to_owned()).chain(column.cells.clone()).collect(),
            None => held.iter().map(|row| row[HEAD.len() + number].clone()).collect(),
        };
        assert_eq!(cells.len(), self.labels.len() + 1, "{FILE}: let make verifiers write the column {name}");
        cells
    }
}

/// The cells of a table, without the line below its head.
fn read(text: &str) -> Vec<Vec<String>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.filter(|row| !row.starts_with("---"));
    rows.map(|row| row.split(" | ").map(str::to_owned).collect()).collect()
}

fn written(rows: &[Vec<String>]) -> String {
    let mut lines: Vec<String> = rows.iter().map(|row| format!("| {} |", row.join(" | "))).collect();
    lines.insert(1, format!("|{}", " --- |".repeat(rows[0].len())));
    lines.join("\n") + "\n"
}
