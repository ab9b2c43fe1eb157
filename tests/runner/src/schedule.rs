//! Which program starts when: the longest first, a fixed number at a time.

use std::process::Stdio;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::Program;

/// Programs that take longest, in the order in which they start, and how many of their tests run at a time where
/// the tests wait rather than compute.
const LONG: [(&str, Option<u32>); 14] = [
    ("cluster", Some(8)),
    ("runbooks", Some(4)),
    ("conversation", None),
    ("handshakes", None),
    ("bounded", None),
    ("api_policy", None),
    ("faults", Some(4)),
    ("chart", None),
    ("mutants", None),
    ("protocol", None),
    ("pki_oracle", None),
    ("verifiers", None),
    ("heap", None),
    ("remains", None),
];

/// How much the heaps of Go programs grow before garbage is collected, in percent: API servers, etcd and kubectl, which many
/// programs start, take a fifth less CPU than with the default of 100.
const GARBAGE_COLLECTION: &str = "400";

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The name of its target.
    pub name: String,
    /// Whether all its tests passed.
    pub is_green: bool,
    /// What it printed.
    pub output: String,
    /// How long it took.
    pub took: Duration,
}

/// Runs these programs, so many at a time, and hands each over when it has ended.
pub fn run_all(mut programs: Vec<Program>, count: usize, mut ended: impl FnMut(Ended) + Send) {
    programs.sort_by_key(|program| std::cmp::Reverse(rank(&program.name)));
    let (waiting, ended) = (Mutex::new(programs), Mutex::new(&mut ended));
    let next = || lock(&waiting).pop();
    thread::scope(|scope| {
        for _ in 0..count.max(1) {
            scope.spawn(|| {
                while let Some(program) = next() {
                    let result = run(program);
                    lock(&ended)(result);
                }
            });
        }
    });
}

/// The place in the order: long ones first, all others after them.
fn rank(name: &str) -> usize {
    LONG.iter().position(|(long, _)| *long == name).unwrap_or(LONG.len())
}

#[allow(clippy::disallowed_methods, reason = "the time that a program takes is what is measured")]
fn run(Program { name, mut command }: Program) -> Ended {
    if let Some((_, Some(threads))) = LONG.iter().find(|(long, _)| *long == name) {
        command.env("RUST_TEST_THREADS", threads.to_string());
    }
    command.env("GOGC", GARBAGE_COLLECTION);
    let start = Instant::now();
    let (is_green, output) = match command.stdin(Stdio::null()).output() {
        Ok(output) => {
            let printed =
                [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            (output.status.success(), printed.concat())
        }
        Err(error) => (false, format!("{name} cannot be started: {error}\n")),
    };
    Ended { name, is_green, output, took: start.elapsed() }
}

/// A panic of another thread leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn program(name: &str, script: &str) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Program { name: name.into(), command }
    }

    #[test]
    fn the_longest_start_first() {
        let mut order = Vec::new();
        let programs = ["laws", "faults", "cluster"].map(|name| program(name, "true"));
        run_all(programs.into(), 1, |ended| order.push(ended.name));
        assert_eq!(order, ["cluster", "faults", "laws"]);
    }

    #[test]
    fn a_program_that_fails_stops_no_other() {
        let mut green = Vec::new();
        run_all(vec![program("a", "exit 1"), program("b", "echo well")], 2, |ended| {
            green.push((ended.name, ended.is_green, ended.output));
        });
        green.sort();
        assert_eq!(green, [("a".into(), false, String::new()), ("b".into(), true, "well\n".to_owned())]);
    }

    #[test]
    fn a_program_that_cannot_be_started_has_failed() {
        let missing = Program { name: "a".into(), command: Command::new("/nonexistent/program") };
        let mut green = true;
        run_all(vec![missing], 1, |ended| green = ended.is_green);
        assert!(!green);
    }
}
