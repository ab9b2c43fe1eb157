//! What becomes of the measurements: tables on the terminal, Markdown and JSON in `target/bench`, and the drawing of growth.
//!
//! The run fails only where a promise about requests was not kept.

use std::fs;
use std::path::Path;

use test_support::reporter::{Reporter, print};
use test_support::{Failure, REPOSITORY};

use crate::machine::origin;
use crate::report::budgets::{self, Verdict, verdicts};
use crate::report::figures::Measurement;
use crate::report::growth::svg;
use crate::report::markdown::{markdown, text};
use crate::report::run::Run;
use crate::report::statistics::medians;
use crate::report::table::tables;

/// Where documents keep the drawing.
const PICTURE: &str = "docs/pictures/growth.svg";

/// Where results are kept.
const RESULTS: &str = "target/bench";

/// Prints and stores what was measured.
pub fn finish(measurements: &[Measurement]) -> Result<(), Failure> {
    let run = Run { origin: origin()?, measurements: measurements.to_vec() };
    let medians = run.medians();
    let verdicts = verdicts(&medians);
    print_tables(&medians);
    Reporter::section("Budgets");
    for verdict in &verdicts {
        Reporter::say(&verdict.line);
    }
    store(&run, &verdicts)?;
    Reporter::section(&format!("Stored as {RESULTS}/{}.json and .md", run.origin.date));
    let broken: Vec<&str> =
        verdicts.iter().filter(|it| it.is_promise && !it.is_met).map(|it| it.line.as_str()).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ").into()) }
}

fn print_tables(medians: &[Measurement]) {
    for table in tables(medians) {
        Reporter::section(table.title);
        for line in text(&table) {
            Reporter::say(&line);
        }
    }
}

fn store(run: &Run, verdicts: &[Verdict]) -> Result<(), Failure> {
    let folder = Path::new(REPOSITORY).join(RESULTS);
    fs::create_dir_all(&folder)?;
    let tables: Vec<String> = tables(&run.medians()).iter().map(markdown).collect();
    let page = format!("{}\n\n{}\n{}", run.origin.sentence(), tables.join("\n"), budgets::markdown(verdicts));
    let path = folder.join(format!("{}.json", run.origin.date));
    fs::write(path.with_extension("md"), page)?;
    fs::write(&path, run.to_json()?)?;
    Ok(())
}

/// Draws the fresh starts of stored runs into the documents.
pub fn draw(files: &[String]) -> Result<(), Failure> {
    let runs = files.iter().map(|file| Ok(Run::from_json(&fs::read_to_string(file)?)?));
    let runs = runs.collect::<Result<Vec<Run>, Failure>>()?;
    let measurements: Vec<Measurement> = runs.into_iter().flat_map(|run| run.measurements).collect();
    let drawing =
        svg(&medians(&measurements)).ok_or("give stored runs of fresh starts of two sizes or more")?;
    let path = Path::new(REPOSITORY).join(PICTURE);
    fs::create_dir_all(path.parent().ok_or("no folder")?)?;
    fs::write(&path, drawing)?;
    print(&format!("{PICTURE} is drawn"));
    Ok(())
}
