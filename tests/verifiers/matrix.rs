//! Each chain before each verifier with each set of roots.

use std::path::Path;

use jiff::Timestamp;
use test_support::tools::require_tool;

use crate::families::{self, Crosses, Family, Trust};
use crate::family_roots::{INTERMEDIATES, Kind};
use crate::question::{Judge, Question, Role, Verdict};
use crate::table::{Column, Table};
use crate::verifiers::{Verifier, asked};

/// A chain before a set of roots: a question for each role.
struct Case<'a> {
    family: &'a Family,
    crosses: Crosses,
    trust: Trust,
}

impl Case<'_> {
    fn question(&self, role: Role, at: Timestamp) -> Question {
        let (chain, trust) = (self.family.chain(self.crosses), self.family.trust(self.trust));
        Question { chain, key: self.family.key(), name: families::NAME, trust, role, at }
    }

    /// Whether a verdict is what it must be. A verifier that can do more than expected is no fault.
    fn is_right(&self, verifier: &Verifier, verdict: &Verdict) -> bool {
        let depth = self.family.depth(self.crosses, self.trust);
        verdict.is_ok() == depth.is_some() || verdict.is_err() && self.is_beyond(verifier)
    }

    /// Whether a verifier cannot follow this chain, though it is right.
    fn is_beyond(&self, verifier: &Verifier) -> bool {
        verifier.unknown.contains(&self.family.kind)
            || self.family.depth(self.crosses, self.trust).is_some_and(|depth| depth > verifier.depth)
    }
}

/// In the order of the table: by how a CA is built, what is served, what is trusted.
fn cases(families: &[Family]) -> Vec<Vec<Case<'_>>> {
    let mut rows = Vec::new();
    for intermediates in INTERMEDIATES {
        for crosses in Family::crosses(intermediates).iter().copied() {
            for trust in Trust::ALL {
                let families = families.iter().filter(|family| family.intermediates == intermediates);
                rows.push(families.map(|family| Case { family, crosses, trust }).collect());
            }
        }
    }
    rows
}

/// The verdicts of a verifier on all cases, in their order: one for each of its roles.
fn verdicts(judge: &dyn Judge, verifier: &Verifier, rows: &[Vec<Case<'_>>], at: Timestamp) -> Vec<Verdict> {
    let questions: Vec<Question> = rows
        .iter()
        .flatten()
        .flat_map(|case| verifier.roles.iter().map(|role| case.question(*role, at)))
        .collect();
    judge.judge(&questions)
}

/// The column of a verifier. Each wrong verdict is added to the faults.
fn column(
    verifier: &Verifier,
    rows: &[Vec<Case<'_>>],
    at: Timestamp,
    faults: &mut Vec<String>,
) -> Option<Column> {
    let judge = (verifier.find)()?;
    let verdicts = verdicts(&*judge, verifier, rows, at);
    let mut verdicts = verdicts.chunks(verifier.roles.len());
    let mut cells = Vec::new();
    for row in rows {
        let mut refused = Vec::new();
        for case in row {
            let found = verdicts.next().unwrap();
            for (verdict, role) in found.iter().zip(verifier.roles) {
                if !case.is_right(verifier, verdict) {
                    faults.push(format!("{}: {}: {verdict:?}", verifier.name, case.question(*role, at)));
                }
            }
            if found.iter().any(Result::is_err) {
                refused.push(case.family.kind);
            }
        }
        cells.push(cell(row.len(), &refused));
    }
    Some(Column { name: verifier.name.to_owned(), version: judge.version(), cells })
}

/// Whether roots of all kinds are accepted, and which are not.
fn cell(kinds: usize, refused: &[Kind]) -> String {
    if refused.len() == kinds {
        return "no".to_owned();
    }
    let names: Vec<String> = refused.iter().map(|kind| kind.name()).collect();
    if names.is_empty() { "yes".to_owned() } else { format!("not {}", names.join(", ")) }
}

/// The label of each row, and the right verdict.
fn labels(row: &[Case<'_>]) -> [String; 4] {
    let Case { family, crosses, trust } = &row[0];
    let is_good =
        family.depth(*crosses, *trust).map_or_else(|| "no".to_owned(), |depth| format!("yes, over {depth}"));
    let [former, current] = family.intermediates;
    let built = format!("{former}, then {current}");
    [built, crosses.name().to_owned(), trust.name().to_owned(), is_good]
}

#[test]
fn every_verifier_accepts_what_leads_to_a_root_it_trusts_and_nothing_else() {
    let Some(openssl) = require_tool("openssl") else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verifiers");
    let (families, now) = families::all(openssl, &folder);
    let rows = cases(&families);
    let mut faults = Vec::new();
    let columns = asked().iter().filter_map(|verifier| column(verifier, &rows, now, &mut faults)).collect();
    let table = Table { labels: rows.iter().map(|row| labels(row)).collect(), columns };
    println!("{}", table.versions());
    assert!(faults.is_empty(), "{} verdicts are wrong:\n{}", faults.len(), faults.join("\n"));
    println!("{}", table.agrees());
}
