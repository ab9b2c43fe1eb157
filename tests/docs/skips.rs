//! What the Makefile leaves out on other versions of Kubernetes: `--skip` takes any text, and skips nothing where a test was
//! renamed.

use std::fs;
use std::path::Path;

use crate::pages::root;

/// The words after a variable of the Makefile, without those that begin with a dash.
fn words<'a>(makefile: &'a str, variable: &str) -> Vec<&'a str> {
    let begin = format!("{variable} := ");
    let line = makefile.lines().find_map(|line| line.strip_prefix(&*begin)).unwrap();
    line.split(' ').filter(|word| !word.starts_with('-')).collect()
}

/// The tests below a folder or in a file, as the test program names them: module path and function.
fn tests(path: &Path, module: &str, found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap().path();
            let name = entry.file_stem().unwrap().to_str().unwrap();
            let is_of_the_folder = ["main", "mod"].contains(&name);
            let inner = if is_of_the_folder { module.to_owned() } else { format!("{module}{name}::") };
            tests(&entry, &inner, found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).unwrap();
        let attributed =
            ["#[test]", "#[tokio::test"].into_iter().flat_map(|attribute| text.split(attribute).skip(1));
        let names = attributed.filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
        found.extend(names.map(|(name, _)| format!("{module}{name}")));
    }
}

#[test]
fn every_test_that_is_left_out_on_another_kubernetes_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let mut found = Vec::new();
    for program in words(&makefile, "KUBERNETES_TESTS") {
        let path = root().join("tests").join(program);
        assert!(path.is_dir(), "there is no test program {program}");
        tests(&path, "", &mut found);
    }
    assert!(found.len() > 100, "{found:#?}");
    for variable in ["NOT_SERVED", "NOT_SERVED_1.33"] {
        for skipped in words(&makefile, variable) {
            let is_there = found.iter().any(|test| test.contains(skipped));
            assert!(is_there, "{variable} of the Makefile: no test is skipped by {skipped}");
        }
    }
}
