//! `docs/reference.md` against the code: flags with their defaults, and every reason of every condition.

use std::collections::BTreeMap;

use clap::CommandFactory as _;
use mtls_operator::cli::Cli;
use mtls_operator::plan::authority::reason::AuthorityReason;
use mtls_operator::plan::identity::ready::ReadyReason;
use mtls_operator::plan::probe::reason::ServingReason;
use mtls_operator::plan::trust_bundle::published::PublishedReason;

use crate::pages::Page;

/// The cells of the table below a heading, without its head.
fn table(heading: &str) -> Vec<Vec<String>> {
    let text = Page::read("docs/reference.md").text;
    let (_, section) = text.split_once(&format!("# {heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n#").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    assert!(rows.len() > 2, "{heading}");
    rows
}

/// The quoted words of a cell.
fn words(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_flag_is_listed_with_its_default_and_no_other() {
    let command = Cli::command();
    let run = command.find_subcommand("run").unwrap();
    let flags = run.get_arguments().filter_map(|argument| {
        let default = argument.get_default_values().first().map(|value| value.to_str().unwrap().to_owned());
        let takes_value = argument.get_action().takes_values();
        Some((format!("--{}", argument.get_long()?), default.filter(|_| takes_value)))
    });
    let listed = table("Flags").into_iter().map(|row| (words(&row[0]).remove(0), row[1].clone()));
    let (flags, listed): (BTreeMap<_, _>, BTreeMap<_, _>) = (flags.collect(), listed.collect());
    assert_eq!(flags.keys().collect::<Vec<_>>(), listed.keys().collect::<Vec<_>>());
    for (flag, default) in flags {
        if let Some(default) = default {
            assert_eq!(words(&listed[&flag]), [default], "{flag}");
        }
    }
}

#[test]
fn every_reason_is_listed_and_no_other() {
    let reasons = |heading: &str| -> Vec<String> {
        let mut reasons: Vec<String> = table(heading).iter().flat_map(|row| words(&row[0])).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    };
    let sorted = |words: &[&str]| -> Vec<String> {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        words.sort_unstable();
        words
    };
    let identity = ReadyReason::ALL.map(ReadyReason::as_str);
    assert_eq!(reasons("Ready of an MtlsIdentity"), sorted(&identity));
    let authority = AuthorityReason::ALL.map(AuthorityReason::as_str);
    assert_eq!(reasons("Ready of an MtlsAuthority"), sorted(&authority));
    assert_eq!(reasons("Published"), sorted(&PublishedReason::ALL.map(PublishedReason::as_str)));
    assert_eq!(reasons("Serving"), sorted(&ServingReason::ALL.map(ServingReason::as_str)));
}
