//! What each rule of the definitions costs, as the API server estimates it before it accepts a definition: above the budget
//! it refuses all of it, and a bound that was raised cannot be lowered again.

use std::fs;
use std::path::Path;

use test_support::tools::judges::ask;

/// A rule may use this share of the budget of an expression, in percent: bounds can be raised later.
const SHARE: f64 = 100.0 / 3.0;

#[test]
fn no_rule_costs_more_than_a_third_of_what_the_api_server_allows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path().display().to_string());
    let files: Vec<String> = files.collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let Some(table) = ask("celcost", &files, "") else { return };
    println!("{table}");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    let rules = rows.iter().filter(|row| row[0] != "total").count();
    assert!(rules > 50, "{table}");
    for row in rows {
        let percent: f64 = row.last().unwrap().parse().unwrap();
        assert!(percent <= SHARE, "{row:?}");
    }
}
