//! The chart's README lists every value, nested ones too, with the default that it has.

use serde_json::Value;

use test_support::chart::CHART;

/// The path and the default of each row of the table of values.
fn rows() -> Vec<(String, Value)> {
    let readme = std::fs::read_to_string(format!("{CHART}/README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Values\n").unwrap();
    let table = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
    table
        .map(|row| {
            let mut quoted = row.split('`').skip(1).step_by(2);
            let (path, default) = (quoted.next().unwrap(), quoted.next().unwrap());
            assert!(
                row.starts_with(&format!("| `{path}` | `{default}` | ")),
                "no default, or more than that: {row}"
            );
            (path.to_owned(), serde_norway::from_str(default).unwrap())
        })
        .collect()
}

fn values() -> Value {
    serde_norway::from_str(&std::fs::read_to_string(format!("{CHART}/values.yaml")).unwrap()).unwrap()
}

/// The paths of all values that are not objects, or empty ones.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value.as_object().filter(|object| !object.is_empty()) {
        Some(object) => {
            for (key, value) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(value, &path, found);
            }
        }
        None => found.push(path.to_owned()),
    }
}

#[test]
fn the_readme_gives_every_value_and_its_default() {
    let (rows, values) = (rows(), values());
    for (path, default) in &rows {
        let value = path.split('.').fold(&values, |value, key| &value[key]);
        assert_eq!(value, default, "{path}");
    }
    let mut paths = Vec::new();
    leaves(&values, "", &mut paths);
    assert!(paths.len() > 40, "{paths:?}");
    for path in paths {
        let is_row = |(row, _): &&(String, Value)| *row == path || path.starts_with(&format!("{row}."));
        assert!(rows.iter().any(|row| is_row(&row)), "{path} is not in the chart's README");
    }
}
