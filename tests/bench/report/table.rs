//! Tables of measurements: a row for each, a column for each figure that any of them has.
//!
//! A figure that was not measured leaves its cell empty.

use std::collections::BTreeSet;

use super::figures::{Measurement, Name};
use super::scenario::Scenario;

/// A table, as text in cells.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// What it is about.
    pub title: &'static str,
    /// Headings of the columns.
    pub header: Vec<String>,
    /// Rows, as long as the header.
    pub rows: Vec<Vec<String>>,
}

/// One table for each scenario that was measured.
pub fn tables(measurements: &[Measurement]) -> Vec<Table> {
    let of = |scenario: Scenario| measurements.iter().filter(|one| one.scenario == scenario).collect();
    let measured = Scenario::ALL.into_iter().map(|scenario| (scenario, of(scenario)));
    let measured = measured.filter(|(_, rows): &(Scenario, Vec<&Measurement>)| !rows.is_empty());
    measured.map(|(scenario, rows)| table(scenario, &rows)).collect()
}

fn table(scenario: Scenario, measurements: &[&Measurement]) -> Table {
    let names: BTreeSet<Name> = measurements.iter().flat_map(|one| one.figures.keys().copied()).collect();
    let fixed = ["identities", "who"].map(str::to_owned);
    let header = fixed.into_iter().chain(names.iter().map(|name| name.heading().to_owned()));
    let header = header.chain(["requests".to_owned()]).collect();
    let row = |one: &&Measurement| {
        let fixed = [grouped(one.identities), one.subject.name().to_owned()];
        let cells = names.iter().map(|name| cell(one, *name));
        fixed.into_iter().chain(cells).chain([requests(one)]).collect()
    };
    Table { title: scenario.title(), header, rows: measurements.iter().map(row).collect() }
}

fn cell(one: &Measurement, name: Name) -> String {
    let Some(value) = one.get(name) else { return String::new() };
    let text = format!("{value:.*}", name.digits());
    match one.each(name).filter(|_| name.is_shared()) {
        Some(each) => format!("{text} ({:.2})", each * 1000.0),
        None => text,
    }
}

fn requests(one: &Measurement) -> String {
    let parts: Vec<String> =
        one.requests.iter().map(|(kind, count)| format!("{} {kind}", grouped(*count))).collect();
    parts.join(", ")
}

/// A number with a comma before each three digits.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::scenario::Subject;

    #[test]
    fn a_column_is_there_where_any_row_has_its_figure_and_empty_where_a_row_has_not() {
        let bare = Measurement::new(Scenario::Fresh, Subject::Bare, 1000).with(Name::CpuSeconds, 0.6);
        let mut operator =
            Measurement::new(Scenario::Fresh, Subject::Operator, 1000).with(Name::WallRatio, 1.254);
        operator.requests.insert("create secrets".into(), 1000);
        let [table] = &tables(&[bare, operator])[..] else { panic!("one scenario, one table") };
        assert_eq!(table.header, ["identities", "who", "time × bare", "own CPU, s (ms each)", "requests"]);
        assert_eq!(table.rows[0], ["1,000", "bare writer", "", "0.6 (0.60)", ""]);
        assert_eq!(table.rows[1], ["1,000", "operator", "1.25", "", "1,000 create secrets"]);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([7, 1000, 100_000, 1_234_567].map(grouped), ["7", "1,000", "100,000", "1,234,567"]);
    }
}
