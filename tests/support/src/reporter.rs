//! Prints what happens, and how long it took.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use mtls_operator::runtime::clock::Clock;

/// Prints sections, steps and figures, and how long each took.
pub struct Reporter {
    clock: Clock,
    figures: Vec<(String, String)>,
}

impl Default for Reporter {
    fn default() -> Self {
        Self { clock: Clock::system(), figures: Vec::new() }
    }
}

impl Reporter {
    /// A moment, for [`Self::took`].
    pub fn clock(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Time since such a moment.
    pub fn since(&self, started: Duration) -> Duration {
        self.clock().saturating_sub(started)
    }

    /// The clock itself, for other measurements.
    pub fn stopwatch(&self) -> Clock {
        self.clock.clone()
    }

    /// A new section begins.
    pub fn section(title: &str) {
        print(&format!("\n== {title}"));
    }

    /// One line.
    pub fn say(line: &str) {
        print(&format!("   {line}"));
    }

    /// Something ended that began at `started`.
    pub fn took(&mut self, what: &str, started: Duration) {
        self.found(what, &shown(self.since(started)));
    }

    /// Something was measured.
    pub fn found(&mut self, what: &str, figure: &str) {
        Self::say(&format!("{what} [{figure}]"));
        self.figures.push((what.to_owned(), figure.to_owned()));
    }

    /// A section that is one step.
    pub fn timed<T, E>(&mut self, title: &str, step: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        Self::section(title);
        let started = self.clock();
        let result = step()?;
        self.took("done", started);
        if let Some(last) = self.figures.last_mut() {
            title.clone_into(&mut last.0);
        }
        Ok(result)
    }

    /// Prints the end, and returns the exit code.
    pub fn end(&self, outcome: Result<(), Box<dyn Error + Send + Sync>>) -> ExitCode {
        match outcome {
            Ok(()) => {
                self.summary();
                ExitCode::SUCCESS
            }
            Err(error) => {
                print(&format!("\n== FAILED: {error}"));
                ExitCode::FAILURE
            }
        }
    }

    fn summary(&self) {
        print("\n== All of it worked");
        for (what, figure) in &self.figures {
            print(&format!("   {figure:>9}  {what}"));
        }
    }
}

fn shown(took: Duration) -> String {
    match took.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        millis => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
    }
}

/// A reader that has gone is no reason to stop.
pub fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
